package accesslog

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
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
	Stdout          io.Writer // optional: every line of every access log also goes there, be it delivered or not
	IP              netip.Addr
	Rotate          time.Duration // the time that one file covers; default 5 minutes
	Memory          int           // bytes of lines waiting for the disk, at most; default 64 MiB
	// MaxAge is how long files are kept after the time that they cover; 0: for ever.
	MaxAge time.Duration
	// MaxSize is how many bytes all files together may have before the oldest are
	// deleted; 0: any number.
	MaxSize int64
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
	logs map[logKey]*Log
	kept Kept

	parts   liveParts
	lock    *os.File
	folders sync.Mutex // held while a folder is made and filled, and while empty ones are removed
	keeping sync.WaitGroup
	ending  chan struct{} // closed when Close is called

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
		opts.Report = func(err error) { slog.Warn("logs of load balancers", "error", err) }
	}
	if opts.Dir != "" {
		if err := os.MkdirAll(opts.Dir, 0o750); err != nil {
			return nil, fmt.Errorf("making the folder of the logs: %w", err)
		}
		// It may be a link to another disk, and what goes through it must not end at the link.
		dir, err := filepath.EvalSymlinks(opts.Dir)
		if err != nil {
			return nil, fmt.Errorf("finding the folder of the logs: %w", err)
		}
		opts.Dir = dir
	}
	shards := 1
	for shards < runtime.GOMAXPROCS(0) && shards < maxShards {
		shards *= 2
	}
	s := &Store{
		opts: opts, shards: shards, maxChunks: int64(max(opts.Memory/chunkSize, 2*shards)),
		requests: make(chan request), done: make(chan struct{}),
		logs: map[logKey]*Log{}, ending: make(chan struct{}), packer: newPacker(), reported: map[string]time.Time{},
	}
	s.full = make(chan *chunk, s.maxChunks)
	s.pool.New = func() any { return &chunk{text: make([]byte, 0, chunkSize)} }
	if opts.Dir != "" {
		if s.lock = lockFolder(opts.Dir); s.lock != nil {
			s.mending.Go(s.mend)
		}
		s.keeping.Go(s.keep)
	}
	go s.run()
	return s, nil
}

// Log gives the access log of the load balancer with that key, the same one for as long as
// the load balancer is served. name, id and d are taken over from each call, so a
// changed delivery takes effect within a second: the old file is finished and a new
// one begun. A delivery that cannot be is reported and not logged to files. After Close
// it gives nil.
func (s *Store) Log(key, name, id string, d lb.LogDelivery) *Log {
	return s.log(requests, key, name, id, d)
}

// NetworkLog is Log for a network load balancer (WriteFlow).
func (s *Store) NetworkLog(key, name, id string, d lb.LogDelivery) *Log {
	return s.log(flows, key, name, id, d)
}

// ConnectionLog is Log for a load balancer's connection log (WriteConnection).
func (s *Store) ConnectionLog(key, name, id string, d lb.LogDelivery) *Log {
	return s.log(connections, key, name, id, d)
}

// HealthCheckLog is Log for a load balancer's health check log (WriteHealthCheck).
func (s *Store) HealthCheckLog(key, name, id string, d lb.LogDelivery) *Log {
	return s.log(healthChecks, key, name, id, d)
}

func (s *Store) log(k *kind, key, name, id string, d lb.LogDelivery) *Log {
	to, err := s.destination(k, name, id, d)
	if err != nil {
		s.opts.Report(fmt.Errorf("load balancer %s: %w", key, err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return nil
	}
	l := s.logs[logKey{k, key}]
	if l == nil {
		l = &Log{store: s, shards: make([]shard, s.shards)}
		s.logs[logKey{k, key}] = l
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
		l.gone = !keep[key.balancer]
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
	close(s.ending)
	s.ask(request{last: true, done: make(chan struct{})})
	s.mending.Wait()
	s.keeping.Wait()
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
