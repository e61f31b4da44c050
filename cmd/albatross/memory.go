package main

import (
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// gcPercent is how much garbage may gather beside what is alive, in percent of that, before
// it is collected (Go's own choice is 100). The request path makes none, so collections are
// rare at any value. Garbage comes in bursts, from TLS handshakes and changes of
// configuration, and what a burst has taken from the system is slow to go back: 50
// halves it. A collection takes the longer the more is alive, which it is only then.
const gcPercent = 50

// memoryLimits are where a container's limit stands, in control groups of version 2 and 1.
var memoryLimits = []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}

// chooseMemory sets when garbage is collected: by gcPercent, and in a container with a limit
// also when nine tenths of that are used, rather than be killed. The environment
// variables GOGC and GOMEMLIMIT, as Go's runtime documents them, have the last word.
func chooseMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	for _, file := range memoryLimits {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if limit, ok := memoryLimit(string(text)); ok {
			debug.SetMemoryLimit(limit)
		}
		return
	}
}

// memoryLimit gives nine tenths of the limit that a control group's file tells, in bytes.
// None is told by "max" (version 2) or by a number that no machine has (version 1).
func memoryLimit(text string) (int64, bool) {
	limit, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || limit <= 0 || limit >= 1<<60 {
		return 0, false
	}
	return limit - limit/10, true
}
