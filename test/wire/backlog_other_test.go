//go:build !linux

package wire

// fullBacklog: other systems answer with RST when a queue is full; a closed port stands in.
func fullBacklog() (int, error) { return freePort() }
