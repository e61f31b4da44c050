package http2

import "time"

// workers are the goroutines of a connection: each runs a handler, or the writer.
// Starting a goroutine is cheap, but growing its stack to what a handler needs is
// not (a quarter of all CPU time when measured), so they are kept for the next
// stream. Once a second those that nobody has needed since are let go: an idle
// connection has none.
type workers struct {
	idle  []*worker // the last to be used is the first to be used again
	least int       // fewest that were idle at a time since the last look
	timer *time.Timer
	armed bool
}

const lookAfter = time.Second

type worker struct {
	c    *Conn
	next chan job
}

// job is what a worker does: a stream, or the writer's work if that is nil.
// A worker without a job ends.
type job struct {
	s    *Stream
	some bool
}

// start makes a worker run s, or the writer.
func (c *Conn) start(s *Stream) {
	w := &c.workers
	n := len(w.idle)
	if n == 0 {
		fresh := &worker{c, make(chan job, 1)}
		fresh.next <- job{s, true}
		go fresh.run()
		return
	}
	w.idle[n-1].next <- job{s, true}
	w.idle = w.idle[:n-1]
	w.least = min(w.least, n-1)
}

func (w *worker) run() {
	for {
		switch j := <-w.next; {
		case !j.some:
			return
		case j.s == nil:
			w.c.write()
		default:
			w.c.handler(j.s)
			j.s.finish()
		}
		if !w.c.park(w) {
			return
		}
	}
}

// park keeps a worker for the next job. It reports false when none will come.
func (c *Conn) park(w *worker) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed {
		return false
	}
	c.workers.idle = append(c.workers.idle, w)
	if !c.workers.armed {
		c.workers.armed = true
		if c.workers.timer == nil {
			c.workers.timer = time.AfterFunc(lookAfter, c.thinOut)
		} else {
			c.workers.timer.Reset(lookAfter)
		}
	}
	return true
}

// thinOut lets those workers go that were idle all the time since the last look,
// and what is kept for further streams if there is none.
func (c *Conn) thinOut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := &c.workers
	c.dismiss(min(w.least, len(w.idle)))
	w.least = len(w.idle)
	if len(c.streams) == 0 {
		c.free = nil
	}
	w.armed = len(w.idle) > 0
	if w.armed {
		w.timer.Reset(lookAfter)
	}
}

// dismiss lets the n workers go that were idle for the longest.
func (c *Conn) dismiss(n int) {
	w := &c.workers
	for _, old := range w.idle[:n] {
		old.next <- job{}
	}
	left := copy(w.idle, w.idle[n:])
	clear(w.idle[left:])
	w.idle = w.idle[:left]
}
