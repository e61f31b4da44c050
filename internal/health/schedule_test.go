package health

import (
	"context"
	"net/netip"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

func TestProbesOfOneTargetDoNotOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var under, most atomic.Int32
		c, _, end := begin(t, proberFunc(func(ctx context.Context, p Probe) Result {
			most.Store(max(most.Load(), under.Add(1)))
			defer under.Add(-1)
			time.Sleep(40 * time.Second) // a Prober that does not keep to its timeout
			return Result{}
		}))
		defer end()
		c.Apply([]Group{web(one)})
		settle(10)
		if most.Load() != 1 {
			t.Errorf("%d at once", most.Load())
		}
	})
}

func TestConcurrencyIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var under, most, all atomic.Int32
		c := New(nil, WithConcurrency(16), WithProber(proberFunc(func(ctx context.Context, p Probe) Result {
			most.Store(max(most.Load(), under.Add(1)))
			defer under.Add(-1)
			all.Add(1)
			time.Sleep(10 * time.Millisecond)
			return Result{}
		})))
		defer c.Close()
		c.Apply([]Group{many(1000)})
		time.Sleep(time.Second)
		synctest.Wait()
		if most.Load() != 16 || all.Load() != 1000 {
			t.Errorf("%d at once, %d probes in the first second", most.Load(), all.Load())
		}
	})
}

// Who waits for a free place is served in turn.
func TestFirstProbesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &script{}
		c := New(nil, WithConcurrency(1), WithProber(p))
		defer c.Close()
		g := many(100)
		c.Apply([]Group{g})
		synctest.Wait()
		for i, target := range g.Targets {
			if got := p.nth(i).Addr; got != target.Addr {
				t.Fatalf("probe %d is of %s, want %s", i, got, target.Addr)
			}
		}
	})
}

// many is a group of n targets.
func many(n int) Group {
	g := web()
	for i := range n {
		addr := netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)})
		g.Targets = append(g.Targets, lb.Target{Addr: netip.AddrPortFrom(addr, 8080)})
	}
	return g
}

// A dead half must not hold up the probes of the other.
func TestLimitFollowsTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dead, live atomic.Int32
		c := New(nil, WithProber(proberFunc(func(ctx context.Context, p Probe) Result {
			if b := p.Addr.Addr().As4(); b[3]%2 == 0 {
				dead.Add(1)
				<-ctx.Done()
				return timedOut
			}
			live.Add(1)
			return Result{}
		})))
		defer c.Close()
		c.Apply([]Group{many(1500)})
		if c.limit != 500 {
			t.Errorf("limit %d for 1500 targets of 5 s in 15 s", c.limit)
		}
		settle(4) // the first probes and the way to a steady state
		before := live.Load()
		settle(10)
		if n := live.Load() - before; n < 7500-150 || n > 7500+150 {
			t.Errorf("%d probes of 750 live targets in 10 intervals", n)
		}
	})
}

// After the first probe, targets registered together are probed at times spread
// over the interval, and always at the same ones.
func TestSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &script{}
		c, _, end := begin(t, p)
		defer end()
		c.Apply([]Group{many(900)})
		settle(4)
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.starts[899].Sub(p.starts[0]) != 0 {
			t.Errorf("first probes took %v", p.starts[899].Sub(p.starts[0]))
		}
		perSecond := make(map[int64]int)
		times := make(map[netip.AddrPort][]time.Time)
		for i, q := range p.asked {
			times[q.Addr] = append(times[q.Addr], p.starts[i])
			perSecond[p.starts[i].Unix()]++
		}
		for _, n := range perSecond {
			if n > 120 && n < 900 { // the mean is 60
				t.Errorf("%d probes within one second", n)
			}
		}
		for addr, at := range times {
			for i := 1; i < len(at); i++ {
				gap := at[i].Sub(at[i-1])
				if i == 1 && (gap < 7500*time.Millisecond || gap >= 22500*time.Millisecond) || i > 1 && gap != 15*time.Second {
					t.Fatalf("%s: probe %d %v after the one before", addr, i, gap)
				}
			}
		}
	})
}

func TestShorterInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &script{}
		c, _, end := begin(t, p)
		defer end()
		g := web(one)
		g.Check.IntervalSeconds = 300
		c.Apply([]Group{g})
		synctest.Wait()
		c.Apply([]Group{web(one)})
		settle(4)
		if n := p.count(); n < 4 {
			t.Errorf("%d probes in 60 s after the interval went from 300 s to 15 s", n)
		}
	})
}

func TestMemoryOfTenThousandTargets(t *testing.T) {
	var before, after runtime.MemStats
	block := proberFunc(func(ctx context.Context, p Probe) Result { <-ctx.Done(); return timedOut })
	g := many(10000)
	runtime.GC()
	runtime.ReadMemStats(&before)
	c := New(func(Key, lb.TargetHealth, lb.TargetHealth) {}, WithProber(block), WithConcurrency(256))
	defer c.Close()
	c.Apply([]Group{g})
	for settled := false; !settled; runtime.Gosched() {
		c.mu.Lock()
		settled = c.running == 256
		c.mu.Unlock()
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := (after.HeapAlloc - before.HeapAlloc) / 10000
	t.Logf("%d bytes of heap a target, %d goroutines", each, runtime.NumGoroutine())
	if each > 2048 || runtime.NumGoroutine() > 300 {
		t.Errorf("%d bytes a target, %d goroutines", each, runtime.NumGoroutine())
	}
}

func BenchmarkApplyUnchanged10000(b *testing.B) {
	c := New(nil, WithProber(&script{}))
	defer c.Close()
	groups := []Group{many(10000)}
	c.Apply(groups)
	b.ReportAllocs()
	for b.Loop() {
		c.Apply(groups)
	}
}
