package token

import (
	"strings"
	"sync"
	"time"
)

// maxSeen is how many good tokens are remembered. They hold a few hundred bytes each.
const maxSeen = 4096

// seen remembers tokens that were found good, until they end. Bad ones are not remembered: they would push out good ones.
//
// There are two generations. When the young one is full it becomes the old one and the old one is forgotten, so that a token
// in use is found in either and no list of ages is kept.
type seen struct {
	mu         sync.RWMutex
	young, old map[string]grant
}

// grant is what a token says.
type grant struct {
	user string
	ends time.Time
}

func (s *seen) user(token string, now time.Time) (string, bool) {
	s.mu.RLock()
	g, ok := s.young[token]
	if !ok {
		g, ok = s.old[token]
	}
	s.mu.RUnlock()
	return g.user, ok && now.Before(g.ends)
}

func (s *seen) add(token, user string, ends, now time.Time) {
	if !now.Before(ends) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.young == nil || len(s.young) >= maxSeen/2 {
		s.young, s.old = make(map[string]grant), s.young
	}
	// The request's memory is not to be held by a part of it.
	s.young[strings.Clone(token)] = grant{user: strings.Clone(user), ends: ends}
}
