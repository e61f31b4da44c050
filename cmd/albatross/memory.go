package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
)

// leastGarbage is how much garbage may always gather before it is collected, in bytes; once
// more than that is alive, as much as is alive, which is Go's own choice (GOGC=100). The
// request path makes none. TLS handshakes do, and while little is alive Go would collect it
// so often that a new connection with a request costs a tenth more (median of 5 rounds).
const leastGarbage = 32 << 20

// memoryLimits are where a container's limit stands, in control groups of version 2 and 1.
var memoryLimits = []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}

// chooseMemory sets when garbage is collected: by leastGarbage, and in a container with a limit
// also when nine tenths of that are used, rather than be killed. The environment
// variables GOGC and GOMEMLIMIT, as Go's runtime documents them, have the last word.
func chooseMemory() {
	if os.Getenv("GOGC") == "" {
		h := newHeap()
		pace := func() bool {
			debug.SetGCPercent(gcPercent(h.alive()))
			return true
		}
		pace()
		eachCollection(pace)
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

// eachCollection calls do after each collection, in which alone it shows what is alive, until
// it gives false. The runtime tells of collections by finalizers: this is one of nothing.
func eachCollection(do func() bool) {
	runtime.SetFinalizer(&struct{ _ [16]byte }{}, func(any) {
		if do() {
			eachCollection(do)
		}
	})
}

// gcPercent gives leastGarbage in the runtime's terms, percent of what is alive, which it takes
// to be 4 MiB at least.
func gcPercent(alive uint64) int {
	const leastHeap = 4 << 20
	return int(max(100, leastGarbage*100/max(alive, leastHeap)))
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

// spare is how much memory beyond what is alive may stay with the process, in bytes; beside
// a quarter of what is alive.
const spare = 16 << 20

// heap watches what bursts leave behind.
type heap struct {
	samples   []metrics.Sample
	allocated uint64 // bytes since the start, when it was last looked at
}

func newHeap() *heap {
	return &heap{samples: []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/free:bytes"}}}
}

func (h *heap) alive() uint64 {
	metrics.Read(h.samples)
	return h.samples[1].Value.Uint64()
}

// giveBack returns memory to the system once a burst is over: much of it is garbage or
// free, and since the last call little was allocated. The runtime itself would keep as much as it
// may need for the next collection.
func (h *heap) giveBack() bool {
	alive, allocated := h.alive(), h.samples[0].Value.Uint64()
	held := h.samples[2].Value.Uint64() + h.samples[3].Value.Uint64()
	quiet := allocated-h.allocated < alive/8+spare/8
	h.allocated = allocated
	if !quiet || held < alive+alive/4+spare {
		return false
	}
	debug.FreeOSMemory()
	return true
}
