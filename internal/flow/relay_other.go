//go:build !linux

package flow

import (
	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/internal/sock"
)

// relay is on Linux only; here Streams carry all flows.
func (*Carrier) relay(sock.Accepted, *snapshot.Network) *Stream { return nil }
