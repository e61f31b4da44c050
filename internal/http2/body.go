package http2

import (
	"math/bits"
	"sync"
)

// body is what has been received of a message body and not been read yet. Its
// memory grows by doubling, so that it is never more than twice what the peer has
// sent, and goes back to a pool as soon as all is read.
type body struct {
	mem  *[]byte
	r, w int
}

const (
	leastBody = 1 << 10
	classes   = 8 // of memory: 1 KiB to 128 KiB
)

var bodies [classes]sync.Pool

func bodyMemory(size int) *[]byte {
	i := bits.Len(uint(max(size, leastBody)-1)) - bits.Len(leastBody-1)
	if mem, ok := bodies[i].Get().(*[]byte); ok {
		return mem
	}
	mem := make([]byte, leastBody<<i)
	return &mem
}

func (b *body) len() int { return b.w - b.r }

// write appends p. The receive windows bound how much there is at a time.
func (b *body) write(p []byte) {
	if len(p) == 0 {
		return
	}
	if b.mem == nil {
		b.mem = bodyMemory(len(p))
	} else if len(*b.mem)-b.w < len(p) {
		b.makeRoom(len(p))
	}
	b.w += copy((*b.mem)[b.w:], p)
}

// makeRoom moves what there is to the front, or to larger memory.
func (b *body) makeRoom(n int) {
	if b.len()+n <= len(*b.mem) {
		b.w = copy(*b.mem, (*b.mem)[b.r:b.w])
		b.r = 0
		return
	}
	mem := bodyMemory(b.len() + n)
	w := copy(*mem, (*b.mem)[b.r:b.w])
	b.release()
	b.mem, b.w = mem, w
}

func (b *body) read(p []byte) int {
	n := copy(p, (*b.mem)[b.r:b.w])
	b.r += n
	if b.r == b.w {
		b.release()
	}
	return n
}

func (b *body) release() {
	if b.mem == nil {
		return
	}
	bodies[bits.Len(uint(len(*b.mem)-1))-bits.Len(leastBody-1)].Put(b.mem)
	*b = body{}
}
