package flow

import (
	"net"
	"sync"
	"sync/atomic"

	"github.com/albatross-lb/albatross/internal/sock"
)

// pair is two connections and two goroutines that copy between them, one each way.
type pair struct {
	from, to side
	up, down way
	ways     sync.WaitGroup
	halves   atomic.Int32 // ways that have come to the end of their data
	broken   func(cause)  // told what has broken off
}

// side is one of the two connections of a flow.
type side struct {
	sock   *sock.Conn
	conn   net.Conn // sock, or TLS over it
	secure bool
}

// init makes the ways of f's bytes. The sides are set when they are there.
func (p *pair) init(f *flow, broken func(cause)) {
	p.broken = broken
	p.up = way{pair: p, from: &p.from, to: &p.to, broken: [2]cause{clientReset, targetReset}, bytes: &f.carried[up], restAfter: f.carrier.opts.RestAfter}
	p.down = way{pair: p, from: &p.to, to: &p.from, broken: [2]cause{targetReset, clientReset}, bytes: &f.carried[down], restAfter: f.carrier.opts.RestAfter}
}

// carry copies until both ways have ended or something has broken off.
func (p *pair) carry() {
	p.ways.Go(p.down.carry)
	p.up.carry()
	p.ways.Wait()
}

// close closes both connections, with a reset where one is asked for.
func (p *pair) close(reset bool) {
	for _, c := range [...]*sock.Conn{p.from.sock, p.to.sock} {
		if c == nil {
			continue
		}
		if reset {
			c.SetLinger(0) //nolint:errcheck // fails only when closed
		}
		c.Close()
	}
}
