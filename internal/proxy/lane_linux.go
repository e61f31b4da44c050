package proxy

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/albatross-lb/albatross/internal/sock"
)

// lane is what the sessions of one event loop share.
type lane struct {
	*sock.Loop
	answers *[]byte // what targets' answers are read into
	spare   stack[exchange]
	room    stack[[]byte] // buffers for requests

	mu    sync.Mutex
	timer *time.Timer
	next  atomic.Int64 // when it looks at all sessions again, Unix nanoseconds
}

// farthest is how long sessions may go without being looked at: so much later a change of
// the idle timeout holds for those at rest.
const farthest = 5 * time.Second

// never is when a lane without sessions looks at them.
const never = math.MaxInt64

// lanes are those of all loops, for as long as the process runs.
var lanes = sync.OnceValue(func() []*lane {
	var all []*lane
	for _, loop := range sock.Loops() {
		l := &lane{Loop: loop, answers: buffers.Get().(*[]byte)}
		l.next.Store(never)
		l.timer = time.AfterFunc(time.Hour, l.look)
		all = append(all, l)
	}
	return all
})

// due has sessions looked at no later than t.
func (l *lane) due(t time.Time) {
	at := t.UnixNano()
	if at >= l.next.Load() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if at < l.next.Load() {
		l.next.Store(at)
		l.timer.Reset(time.Until(t))
	}
}

// look has every session see whether it has waited for long enough.
func (l *lane) look() {
	l.next.Store(never)
	now := time.Now()
	next, any := now.Add(farthest), false
	l.Each(func(o sock.Owner) {
		if s, ok := o.(*Session); ok {
			if t := s.overdue(now); t.Before(next) {
				next = t
			}
			any = true
		}
	})
	if any {
		l.due(next)
	}
}

// stack keeps a few things for the next use, hotter and cheaper than a sync.Pool does.
type stack[T any] struct {
	all [8]*T
	n   int
}

func (s *stack[T]) pop() *T {
	if s.n == 0 {
		return nil
	}
	s.n--
	return s.all[s.n]
}

// push keeps it, if there is room.
func (s *stack[T]) push(t *T) bool {
	if s.n == len(s.all) {
		return false
	}
	s.all[s.n] = t
	s.n++
	return true
}
