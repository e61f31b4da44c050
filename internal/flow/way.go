package flow

import (
	"crypto/tls"
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// bufferSize is what is read at a time between sockets. A TLS record is no longer.
const bufferSize = 16 << 10

var buffers = sync.Pool{New: func() any { b := make([]byte, bufferSize); return &b }}

// way is one direction of a pair.
type way struct {
	pair     *pair
	from, to *side
	broken   [2]cause // what it means when reading breaks off, and when writing does
	bytes    *atomic.Int64

	restAfter time.Duration // through TLS: how long a buffer may be held while waiting
}

// errWriting marks errors of the writing side.
type errWriting struct{ error }

// carry copies until one side ends or breaks off, and tells the other.
func (w *way) carry() {
	err := w.copy()
	var writing errWriting
	switch {
	case err == nil:
		w.to.closeWrite(w.pair.halves.Add(1) == 2)
	case errors.As(err, &writing):
		w.pair.broken(w.broken[1])
	default:
		w.pair.broken(w.broken[0])
	}
}

func (w *way) copy() error {
	if !w.from.secure && !w.to.secure {
		return w.plain()
	}
	return w.wrapped()
}

// plain copies between two plain sockets. Where two buffers in a row come in full, more
// is on its way, and the kernel goes on by itself.
func (w *way) plain() error {
	for full := 0; ; {
		buf, n, err := w.from.sock.ReadPooled(&buffers)
		if err != nil {
			return endOf(err)
		}
		_, err = w.to.sock.Write((*buf)[:n])
		if full++; n < bufferSize {
			full = 0
		}
		buffers.Put(buf)
		if err != nil {
			return errWriting{err}
		}
		w.bytes.Add(int64(n))
		if full < 2 {
			continue
		}
		full = 0
		if done, err := w.splice(); done || err != nil {
			return err
		}
	}
}

// wrapped copies where one side speaks TLS.
func (w *way) wrapped() error {
	for {
		switch err := w.wrappedOnce(); {
		case errors.Is(err, os.ErrDeadlineExceeded): // quiet: wait without a buffer
			w.from.sock.SetReadDeadline(time.Time{}) //nolint:errcheck // fails only when closed
			if err := w.from.sock.WaitReadable(); err != nil {
				return endOf(err)
			}
		default:
			return endOf(err)
		}
	}
}

// wrappedOnce copies until it has waited for data for as long as it may hold its buffer, or the end.
func (w *way) wrappedOnce() error {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	for {
		w.from.sock.SetReadIdle(time.Now(), w.restAfter)
		n, err := w.from.conn.Read(*buf)
		if n > 0 {
			if _, err := w.to.conn.Write((*buf)[:n]); err != nil {
				return errWriting{err}
			}
			w.bytes.Add(int64(n))
		}
		if err != nil {
			return err
		}
	}
}

// endOf makes the end of data no error.
func endOf(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// closeWrite tells the peer that nothing more comes. Where the other way has ended
// before, the sockets are about to be closed, which says the same.
func (s *side) closeWrite(last bool) {
	if c, ok := s.conn.(*tls.Conn); ok {
		c.CloseWrite() //nolint:errcheck // what went wrong, reading from it will say
	}
	if last {
		return
	}
	s.sock.CloseWrite() //nolint:errcheck // as above
}
