//go:build !linux

package wire

import "github.com/albatross-lb/albatross/test/ports"

// fullBacklog: other systems answer with RST when a queue is full; a closed port stands in.
func fullBacklog() (int, error) { return ports.Free() }
