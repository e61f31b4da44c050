package accesslog

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// chunkSize is what a chunk holds; it is handed over with chunkSlack or less
	// left, so that a line of common length never makes it grow.
	chunkSize  = 64 << 10
	chunkSlack = 8 << 10

	// maxShards bounds what a busy load balancer's open chunks take to 2 MiB.
	maxShards = 32
)

// Log is a log of one load balancer. A nil *Log takes lines and drops them.
type Log struct {
	store  *Store
	to     atomic.Pointer[destination] // nil: nothing is logged
	shards []shard                     // a power of two of them

	lines   atomic.Uint64 // delivered
	dropped atomic.Uint64

	// Of the store's goroutine alone.
	part     *part     // the file being written; nil before its first line
	retryAt  time.Time // after an error on the disk: not before this
	lastLine time.Time // when there was last something to write
	// gone is set, under store.mu, once the load balancer is no longer served.
	gone bool
}

// shard is one part of a log's open chunks. The proxy gives every connection a
// shard number, so two cores seldom meet in one.
type shard struct {
	mu    sync.Mutex
	chunk *chunk // nil: nothing written since the last collection
	_     [112]byte
}

// chunk is a number of whole lines on their way to the file.
type chunk struct {
	log   *Log
	lines uint64
	text  []byte
}

// Write takes down one request. It fills in r.LoadBalancer and r.Node, formats the
// line before it returns and never waits for the disk: when the store's memory is
// used up the line is dropped and counted. shard may be any number; the same one
// for all requests of a connection serves best.
func (l *Log) Write(shard uint32, r *Record) {
	if to := l.destination(); to != nil {
		r.LoadBalancer, r.Node = to.elb, to.node
		l.append(shard, r)
	}
}

// On tells whether lines are kept: whether it is worth to make one.
func (l *Log) On() bool { return l.destination() != nil }

// destination is nil where nothing is logged.
func (l *Log) destination() *destination {
	if l == nil {
		return nil
	}
	return l.to.Load()
}

// append formats one line into a chunk of the shard.
func (l *Log) append(shard uint32, line interface{ AppendTo(dst []byte) []byte }) {
	s := &l.shards[shard&uint32(len(l.shards)-1)]
	s.mu.Lock()
	c := s.chunk
	if c == nil {
		if c = l.store.newChunk(l); c == nil {
			s.mu.Unlock()
			l.dropped.Add(1)
			return
		}
		s.chunk = c
	}
	c.text = line.AppendTo(c.text)
	c.lines++
	if len(c.text) > chunkSize-chunkSlack {
		s.chunk = nil
		l.store.full <- c // never waits: it has room for every chunk there may be
	}
	s.mu.Unlock()
}

// Lines is the number of lines written out so far.
func (l *Log) Lines() uint64 {
	if l == nil {
		return 0
	}
	return l.lines.Load()
}

// Dropped is the number of lines lost so far: the memory was used up, or the disk
// refused them.
func (l *Log) Dropped() uint64 {
	if l == nil {
		return 0
	}
	return l.dropped.Load()
}

// collect hands every open chunk to deliver.
func (l *Log) collect(deliver func(*chunk)) {
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		c := s.chunk
		s.chunk = nil
		s.mu.Unlock()
		if c != nil {
			deliver(c)
		}
	}
}
