//go:build unix && !linux

package sock

// HungUp tells whether the peer has closed its side or reset the connection. Here
// bytes that nobody has read hide it.
func (c *Conn) HungUp() bool {
	closed, _ := c.Closed()
	return closed
}
