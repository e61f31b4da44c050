package accesslog

import (
	"fmt"
	"time"
)

// run is the goroutine that writes.
func (s *Store) run() {
	defer close(s.done)
	every := time.Second
	if s.opts.Stdout != nil {
		every = 100 * time.Millisecond // somebody is looking
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case c := <-s.full:
			s.deliver(c)
		case <-tick.C:
			s.collect()
			s.rotate(time.Now())
		case r := <-s.requests:
			s.collect()
			if r.last {
				s.finishAll()
			}
			close(r.done)
			if r.last {
				return
			}
		}
	}
}

// collect delivers every line there is: first the chunks that are full, being the older ones.
func (s *Store) collect() {
	for n := len(s.full); n > 0; n-- {
		s.deliver(<-s.full)
	}
	for _, l := range s.all() {
		l.collect(s.deliver)
	}
}

func (s *Store) all() []*Log {
	s.mu.Lock()
	defer s.mu.Unlock()
	logs := make([]*Log, 0, len(s.logs))
	for _, l := range s.logs {
		logs = append(logs, l)
	}
	return logs
}

// deliver writes one chunk to its file and to Stdout, and gives it back.
func (s *Store) deliver(c *chunk) {
	defer s.release(c)
	l, now := c.log, time.Now()
	l.lastLine = now
	to := l.to.Load()
	if to == nil {
		return // switched off since
	}
	if to.files {
		s.store(l, to, c, now)
	}
	if to.stdout {
		if _, err := s.opts.Stdout.Write(c.text); err != nil {
			s.report("stdout", fmt.Errorf("writing access log lines to standard output: %w", err))
		}
	}
}

// store writes one chunk to its log's file. After an error the log's lines are
// dropped for a second before the disk is tried again.
func (s *Store) store(l *Log, to *destination, c *chunk, now time.Time) {
	if now.Before(l.retryAt) {
		l.dropped.Add(c.lines)
		return
	}
	if err := s.append(l, to, c, now); err != nil {
		l.dropped.Add(c.lines)
		l.retryAt = now.Add(time.Second)
		s.report("file", err)
		return
	}
	l.lines.Add(c.lines)
}

// rotate finishes the files whose time is over or whose place has changed, and
// forgets logs of load balancers that are gone.
func (s *Store) rotate(now time.Time) {
	for _, l := range s.all() {
		to := l.to.Load()
		if p := l.part; p != nil && (!now.Before(p.end) || to == nil || *to != *p.to) {
			s.finish(l)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, l := range s.logs {
		if l.gone && now.Sub(l.lastLine) > s.opts.Rotate {
			l.to.Store(nil)
			if l.part != nil { // its time is not over: the clock was set back
				s.finish(l)
			}
			delete(s.logs, key)
		}
	}
}

func (s *Store) finishAll() {
	for _, l := range s.all() {
		l.to.Store(nil)
		if l.part != nil {
			s.finish(l)
		}
	}
}

// report tells of trouble of one kind, not more often than once in ten seconds.
func (s *Store) report(kind string, err error) {
	if now := time.Now(); now.Sub(s.reported[kind]) >= 10*time.Second {
		s.reported[kind] = now
		s.opts.Report(err)
	}
}
