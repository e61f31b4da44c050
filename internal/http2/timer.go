package http2

import (
	"net"
	"time"
)

// timer is what a socket of package sock offers: deadlines that are set a little
// late rather than for every call.
type timer interface {
	// SetReadIdle makes a Read that starts now fail with os.ErrDeadlineExceeded after about d.
	SetReadIdle(now time.Time, d time.Duration)
	// SetWriteIdle is the same for Write.
	SetWriteIdle(now time.Time, d time.Duration)
	// Interrupt makes a Read in progress, and later ones, fail with os.ErrDeadlineExceeded.
	// It may be called from any goroutine.
	Interrupt()
}

// timerOf finds the timer of a connection, also under TLS.
func timerOf(c net.Conn) timer {
	if t, ok := raw(c).(timer); ok {
		return t
	}
	return plainTimer{c}
}

// raw gives the connection under TLS.
func raw(c net.Conn) net.Conn {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		return t.NetConn()
	}
	return c
}

// plainTimer makes a timer of any connection.
type plainTimer struct{ net.Conn }

func (t plainTimer) SetReadIdle(now time.Time, d time.Duration)  { t.SetReadDeadline(now.Add(d)) }      //nolint:errcheck // fails only when closed
func (t plainTimer) SetWriteIdle(now time.Time, d time.Duration) { t.SetWriteDeadline(now.Add(d)) }     //nolint:errcheck // as above
func (t plainTimer) Interrupt()                                  { t.SetReadDeadline(time.Unix(1, 0)) } //nolint:errcheck // as above
