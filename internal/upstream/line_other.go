//go:build !linux

package upstream

import "time"

// looped is what a Pool has for event loops, which are on Linux only.
type looped struct{}

func (*looped) closeIdle(time.Time) {}

func (*looped) idle() int { return 0 }

func (*looped) line(bool) *Conn { return nil }
