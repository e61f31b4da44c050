//go:build unix && !linux

package sock

import "time"

// HungUp tells whether the peer has closed its side or reset the connection. Here
// bytes that nobody has read hide it.
func (c *Conn) HungUp() bool {
	closed, _ := c.Closed()
	return closed
}

// lastTaken would tell how long ago the peer has last taken some of what was written.
func (c *Conn) lastTaken() (ago time.Duration, known bool) { return 0, false }
