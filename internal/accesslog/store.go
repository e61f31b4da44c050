package accesslog

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

// Options of a Store.
type Options struct {
	Dir             string    // where buckets are folders; made if missing. "": no files
	Account, Region string    // as in the names of files
	Stdout          io.Writer // optional: every line of every load balancer also goes there
	IP              netip.Addr
	Rotate          time.Duration // the time that one file covers; default 5 minutes
	Memory          int           // bytes of lines waiting for the disk, at most; default 64 MiB
	// Report is told of every kind of trouble, at most once in ten seconds each;
	// default: a warning of log/slog.
	Report func(error)
}

// Store owns the logs of all load balancers and the goroutine that writes them out.
type Store struct {
	opts      Options
	shards    int
	maxChunks int64
	chunks    atomic.Int64 // handed out and not yet back
	pool      sync.Pool
	full      chan *chunk
	requests  chan request
	done      chan struct{} // closed once the goroutine has ended
	mending   sync.WaitGroup
	closing   atomic.Bool

	mu   sync.Mutex
	logs map[string]*Log

	parts liveParts
	lock  *os.File

	// Of the goroutine alone.
	packer   *packer
	reported map[string]time.Time
}

// request asks the goroutine to write everything out; last: and to end.
type request struct {
	last bool
	done chan struct{}
}

// Open starts a store under opts.Dir. Files that an earlier run left unfinished
// are finished in the background, unless another process has the folder in use.
func Open(opts Options) (*Store, error) {
	if opts.Rotate <= 0 {
		opts.Rotate = 5 * time.Minute
	}
	if opts.Memory <= 0 {
		opts.Memory = 64 << 20
	}
	if opts.Report == nil {
		opts.Report = func(err error) { slog.Warn("access log", "error", err) }
	}
	if opts.Dir != "" {
		if err := os.MkdirAll(opts.Dir, 0o750); err != nil {
			return nil, fmt.Errorf("making the folder of the access logs: %w", err)
		}
	}
	shards := 1
	for shards < runtime.GOMAXPROCS(0) && shards < maxShards {
		shards *= 2
	}
	s := &Store{
		opts: opts, shards: shards, maxChunks: int64(max(opts.Memory/chunkSize, 2*shards)),
		requests: make(chan request), done: make(chan struct{}),
		logs: map[string]*Log{}, packer: newPacker(), reported: map[string]time.Time{},
	}
	s.full = make(chan *chunk, s.maxChunks)
	s.pool.New = func() any { return &chunk{text: make([]byte, 0, chunkSize)} }
	if opts.Dir != "" {
		if s.lock = lockFolder(opts.Dir); s.lock != nil {
			s.mending.Go(s.mend)
		}
	}
	go s.run()
	return s, nil
}

// Log gives the log of the load balancer with that key, the same one for as long as
// the load balancer is served. name, id and d are taken over from each call, so a
// changed delivery takes effect within a second: the old file is finished and a new
// one begun. A delivery that CheckDelivery refuses is reported and not logged to
// files. After Close it gives nil.
func (s *Store) Log(key, name, id string, d lb.LogDelivery) *Log {
	return s.log("app", key, name, id, d)
}

// NetworkLog is Log for a network load balancer (WriteFlow). The key must not be one
// that Log is called with.
func (s *Store) NetworkLog(key, name, id string, d lb.LogDelivery) *Log {
	return s.log("net", key, name, id, d)
}

func (s *Store) log(kind, key, name, id string, d lb.LogDelivery) *Log {
	to, err := s.destination(kind, name, id, d)
	if err != nil {
		s.opts.Report(fmt.Errorf("access log of load balancer %s: %w", key, err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return nil
	}
	l := s.logs[key]
	if l == nil {
		l = &Log{store: s, shards: make([]shard, s.shards)}
		s.logs[key] = l
	}
	l.gone = false
	if old := l.to.Load(); old == nil || to == nil || *old != *to {
		l.to.Store(to)
	}
	return l
}

// Retain says which load balancers are still served. The logs of the others are
// kept for what still drains, and given up once nothing has come for the time of a file.
func (s *Store) Retain(keys []string) {
	keep := make(map[string]bool, len(keys))
	for _, key := range keys {
		keep[key] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, l := range s.logs {
		l.gone = !keep[key]
	}
}

// Flush returns once every line written before it can be read from the files.
func (s *Store) Flush() { s.ask(request{done: make(chan struct{})}) }

// Close writes out what is left, finishes all files and ends the goroutine. It
// gives up after ten seconds if the disk or Stdout takes nothing any more.
func (s *Store) Close() {
	s.mu.Lock()
	first := s.closing.CompareAndSwap(false, true)
	s.mu.Unlock()
	if !first {
		<-s.done
		return
	}
	s.ask(request{last: true, done: make(chan struct{})})
	s.mending.Wait()
	if s.lock != nil {
		s.lock.Close()
	}
}

const patience = 10 * time.Second

func (s *Store) ask(r request) {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case s.requests <- r:
	case <-s.done:
		return
	case <-timeout.C:
		return
	}
	select {
	case <-r.done:
	case <-timeout.C:
	}
}

// newChunk gives an empty chunk, nil when as many are in use as may be.
func (s *Store) newChunk(l *Log) *chunk {
	if s.chunks.Add(1) > s.maxChunks {
		s.chunks.Add(-1)
		return nil
	}
	c := s.pool.Get().(*chunk)
	c.log = l
	return c
}

func (s *Store) release(c *chunk) {
	if cap(c.text) == chunkSize { // not one that a monstrous line has stretched
		c.log, c.lines, c.text = nil, 0, c.text[:0]
		s.pool.Put(c)
	}
	s.chunks.Add(-1)
}

// run is the goroutine: it alone touches files.
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
	if s.opts.Stdout != nil {
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
