//go:build !linux

package flow

import (
	"net"
	"time"
)

// bound limits how long d may take.
func bound(d *net.Dialer, deadline time.Time) { d.Deadline = deadline }
