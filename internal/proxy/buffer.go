package proxy

import (
	"io"
	"sync"
)

const (
	// bufferSize holds nearly every head, and a small body with it.
	bufferSize = 16 << 10
	// largeSize holds the largest head there may be (64 KiB, and what was skipped
	// before it), and is what long bodies are streamed through.
	largeSize = 72 << 10
)

var (
	buffers      = sync.Pool{New: func() any { b := make([]byte, bufferSize); return &b }}
	largeBuffers = sync.Pool{New: func() any { b := make([]byte, largeSize); return &b }}
)

// buffer is a pooled piece of memory with unread bytes at mem[r:w]. The zero buffer holds none.
type buffer struct {
	mem  *[]byte
	r, w int
}

func (b *buffer) bytes() []byte {
	if b.mem == nil {
		return nil
	}
	return (*b.mem)[b.r:b.w]
}

// space is where more can be read to.
func (b *buffer) space() []byte {
	if b.mem == nil {
		b.mem = buffers.Get().(*[]byte)
	}
	return (*b.mem)[b.w:]
}

// grow makes space: it moves the unread bytes to the front, or to a larger buffer.
// It reports whether there is any now.
func (b *buffer) grow() bool {
	switch {
	case b.r > 0:
		b.w = copy(*b.mem, b.bytes())
		b.r = 0
	case len(*b.mem) < largeSize:
		large := largeBuffers.Get().(*[]byte)
		n := copy(*large, b.bytes())
		b.release()
		b.mem, b.w = large, n
	}
	return b.w < len(*b.mem)
}

// put appends bytes that were read elsewhere, as far as there is room.
func (b *buffer) put(p []byte) {
	for len(p) > 0 {
		n := copy(b.space(), p)
		b.w += n
		p = p[n:]
		if len(p) > 0 && !b.grow() {
			return
		}
	}
}

// release gives the memory back.
func (b *buffer) release() {
	if b.mem == nil {
		return
	}
	if len(*b.mem) == bufferSize {
		buffers.Put(b.mem)
	} else {
		largeBuffers.Put(b.mem)
	}
	*b = buffer{}
}

// fill reads once from r into the space that is left.
func (b *buffer) fill(r io.Reader) error {
	n, err := readSome(r, b.space())
	b.w += n
	return err
}

// readSome reads once. TLS may hand over the last bytes together with the end: the end
// will be there again at the next read.
func readSome(r io.Reader, p []byte) (int, error) {
	n, err := r.Read(p)
	if n > 0 {
		err = nil
	}
	return n, err
}
