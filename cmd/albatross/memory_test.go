package main

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestMemoryLimit(t *testing.T) {
	for text, want := range map[string]int64{
		"max\n":                 0,
		"9223372036854771712\n": 0, // what version 1 says where there is none
		"1000000000\n":          900000000,
		"0":                     0,
		"":                      0,
		"a lot":                 0,
	} {
		if got, ok := memoryLimit(text); got != want || ok != (want > 0) {
			t.Errorf("memoryLimit(%q) = %d, %v; want %d", text, got, ok, want)
		}
	}
}

// TestGiveBack: what a burst has left goes back when it is over, and only then.
func TestGiveBack(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // nothing is collected meanwhile
	runtime.GC()
	h := newHeap()
	h.giveBack()
	burst := make([][]byte, 64)
	for i := range burst {
		burst[i] = make([]byte, 1<<20)
	}
	runtime.KeepAlive(burst)
	burst = nil
	if h.giveBack() {
		t.Error("given back in the midst of a burst")
	}
	if !h.giveBack() {
		t.Error("nothing is given back behind a burst")
	}
	if h.giveBack() {
		t.Error("given back what was not there")
	}
}

func TestGCPercent(t *testing.T) {
	for alive, want := range map[uint64]int{0: 800, 4 << 20: 800, 16 << 20: 200, 32 << 20: 100, 1 << 30: 100} {
		if got := gcPercent(alive); got != want {
			t.Errorf("gcPercent(%d) = %d, want %d", alive, got, want)
		}
	}
}

func TestEachCollection(t *testing.T) {
	done, n := make(chan struct{}), 0
	eachCollection(func() bool {
		if n++; n == 3 {
			close(done)
		}
		return n < 3
	})
	for {
		runtime.GC() // finalizers run behind it, some time
		select {
		case <-done:
			return
		default:
		}
	}
}
