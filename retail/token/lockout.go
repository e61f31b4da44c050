package token

import (
	"sync"
	"time"
)

// The rules of a lock-out.
const (
	// patience is how many wrong passwords in a row are taken before a name has to wait.
	patience = 5
	// firstWait is how long it waits then; each further wrong password doubles it, up to longestWait.
	firstWait   = 30 * time.Second
	longestWait = 15 * time.Minute
	// forgetAfter is how long after the last wrong password all is forgotten. Longer than the longest wait.
	forgetAfter = time.Hour
	// maxNames bounds the memory. Each name in it cost whoever sent it a password check.
	maxNames = 20_000
)

// Lockout makes names wait whose password was wrong too often.
//
// It knows names, not users: a name that nobody has is made to wait as one that somebody has, so waiting tells nothing. It does not
// know addresses, for behind a load balancer all clients have the same one. The price is that whoever knows a name can keep its
// owner from signing in; tokens that were issued go on working.
type Lockout struct {
	mu    sync.Mutex
	names map[string]failures
}

type failures struct {
	count int
	until time.Time // locked until then
	last  time.Time
}

// Wait returns how long the name still has to wait, 0 for not at all.
func (l *Lockout) Wait(name string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(l.names[name].until.Sub(now), 0)
}

// Failed remembers a wrong password.
func (l *Lockout) Failed(name string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.names[name]
	if now.Sub(f.last) > forgetAfter {
		f = failures{}
	}
	f.count, f.last = f.count+1, now
	if f.count >= patience {
		f.until = now.Add(min(firstWait<<min(f.count-patience, 10), longestWait))
	}
	if l.names == nil {
		l.names = map[string]failures{}
	}
	if _, known := l.names[name]; !known && len(l.names) >= maxNames {
		l.forget(now)
	}
	l.names[name] = f
}

// Succeeded forgets the name's failures.
func (l *Lockout) Succeeded(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.names, name)
}

// forget makes room for many, so that it is rarely needed: what is old goes, then those that do not wait, and then any.
func (l *Lockout) forget(now time.Time) {
	for name, f := range l.names {
		if now.Sub(f.last) > forgetAfter {
			delete(l.names, name)
		}
	}
	for name, f := range l.names {
		if len(l.names) < maxNames*3/4 {
			return
		}
		if f.until.IsZero() {
			delete(l.names, name)
		}
	}
	for name := range l.names {
		if len(l.names) < maxNames*3/4 {
			return
		}
		delete(l.names, name)
	}
}
