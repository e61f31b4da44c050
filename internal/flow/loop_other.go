//go:build !linux

package flow

import (
	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/internal/sock"
)

// loops are on Linux only; here Streams carry all flows.
type loops struct{}

func (loops) start() {}

func (loops) stop() {}

func (*Carrier) relay(sock.Accepted, *snapshot.Network) *Stream { return nil }
