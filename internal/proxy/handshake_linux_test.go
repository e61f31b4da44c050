package proxy

import (
	"sync"
	"testing"
)

// Workers do everything that they are given, each one thing at a time, and wait for more in a bounded number.
func TestCrew(t *testing.T) {
	var c crew
	for range 3 {
		var done sync.WaitGroup
		hold := make(chan struct{})
		for range 2 * mostWorkers {
			done.Add(1)
			c.do(func() {
				<-hold
				done.Done()
			})
		}
		close(hold)
		done.Wait()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.idle); n > mostWorkers {
		t.Errorf("%d wait", n)
	}
}
