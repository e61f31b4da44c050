//go:build !linux

package sock

import "time"

// Watch is known on Linux only.
type Watch struct{}

// NewWatch gives none.
func NewWatch() *Watch { return nil }

// Add does nothing.
func (w *Watch) Add(*Conn) {}

type watched struct{}

func (*watched) forget() {}

func (*watched) remember() {}

func (*watched) quiet(_, _ time.Time, _ time.Duration) bool { return false }

func (*watched) remove() {}
