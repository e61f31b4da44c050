package proxy

import (
	"errors"
	"io"
	"os"
	"sync/atomic"

	"github.com/albatross-lb/albatross/internal/http2"
)

// upload sends a request's body to a target of HTTP/2 while the response is waited for.
// What it has read is kept as long as no response has come, up to the size of a large buffer, so that
// it can go out again to a target that has not looked at it. That is more than the
// 64 KiB which a target takes of a stream to begin with, unless it has said otherwise.
type upload struct {
	kept     buffer // what has been read, from the beginning
	gone     bool   // the beginning has been overwritten
	over     bool   // all has been read
	answered atomic.Bool
	reading  atomic.Bool   // the client is waited for
	client   error         // why its side failed
	n        int64         // bytes read that have not been counted yet
	ended    chan struct{} // closed when the goroutine has; nil: there is none
}

// leastRead is how much room there must be to read into.
const leastRead = 1 << 10

// start sends the body to up: sent, which has been read before, what is kept, and the rest as it comes.
func (u *upload) start(st *stream, up *http2.Stream, sent []byte) {
	if st.EndStream {
		return
	}
	u.ended = make(chan struct{})
	go u.run(st, up, sent)
}

func (u *upload) run(st *stream, up *http2.Stream, sent []byte) {
	defer close(u.ended)
	up.Flush()
	for _, p := range [...][]byte{sent, u.kept.bytes()} {
		if _, err := up.Write(p); err != nil {
			return // the response tells why
		}
	}
	for !u.over {
		p := u.space()
		u.reading.Store(true)
		n, err := st.Stream.Read(p)
		u.reading.Store(false)
		u.n += int64(n)
		if !u.gone {
			u.kept.w += n
		}
		switch {
		case err == io.EOF:
			u.over = true
		case err != nil:
			u.client = err
			up.Reset(http2.Cancel)
			return
		default:
			if _, err := up.Write(p[:n]); err != nil {
				return // the response tells why
			}
		}
	}
	if st.Trailer().Len() > 0 {
		up.WriteTrailers(st.Trailer().Lines())
		return
	}
	up.WriteEnd(nil)
}

// space is where more is read to.
func (u *upload) space() []byte {
	if u.answered.Load() && !u.gone {
		u.kept.release()
		u.gone = true
	}
	if len(u.kept.space()) < leastRead && len(*u.kept.mem) < largeSize {
		u.kept.grow()
	}
	if len(u.kept.space()) < leastRead {
		u.gone, u.kept.w = true, 0
	}
	return u.kept.space()
}

// settled: a response has come, and the body will not go out again.
func (u *upload) settled() {
	u.answered.Store(true)
	select {
	case <-u.ended:
		u.kept.release()
	default:
	}
}

// stop ends the sending, and gives how many bytes have been read since it was asked last.
// start may follow.
func (u *upload) stop(st *stream) (n int64) {
	if u.ended != nil {
		st.InterruptRead()
		<-u.ended
		st.ResumeRead()
		u.ended = nil
	}
	n, u.n = u.n, 0
	return n
}

// whole tells whether the body can go out from its beginning.
func (u *upload) whole() bool { return !u.gone }

// idle tells of the error of a stream to a target that the client, which was waited for, has sent nothing
// for the idle timeout; nor has the target.
func (u *upload) idle(err error) bool {
	var reset *http2.StreamError
	return errors.Is(err, os.ErrDeadlineExceeded) && u.reading.Load() ||
		errors.As(err, &reset) && !reset.Remote && errors.Is(u.client, os.ErrDeadlineExceeded)
}
