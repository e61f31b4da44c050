package flow

import (
	"net/netip"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/internal/sock"
	"github.com/albatross-lb/albatross/lb"
)

// relay is a flow between two plain sockets. It has no goroutine: its loop tells it of
// events, and at each it does what can be done without waiting. All of it, the sweeper's
// part too, happens with mu held. Where much comes at a time it is handed over to a pair.
type relay struct {
	flow
	loop   *sock.Loop
	phase  phase
	fds    [2]int         // the client's socket and the target's; -1: there is none yet
	polled [2]sock.Polled // the same in the loop
	early  [2]uint32      // events of each from before both were there
	lanes  [2]lane        // by way
	ended  func()
	pair   *pair // nil before phase handedOver

	candidates *snapshot.TargetGroup
	room       [mostAttempts]int
	tried      []int // targets, the last of which is being asked, in room
	asked      asked
}

type phase uint8

const (
	fresh phase = iota
	begun
	connecting
	carrying
	handedOver
)

// The two sides of a relay. A way has the number of the side that it comes from.
const (
	client = up
	target = down
)

// resetBy is what it means when a side breaks off.
var resetBy = [2]cause{client: clientReset, target: targetReset}

// asked is what the sweeper remembers of a target that has not answered yet.
type asked struct {
	attempt int
	since   time.Time
}

// Serve is Begin for those who wait for the end.
func (r *relay) Serve() {
	ended := make(chan struct{})
	r.Begin(func() { close(ended) })
	<-ended
}

// Begin carries the flow from now on; ended is called at its end.
func (r *relay) Begin(ended func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = ended
	if r.over {
		ended()
		return
	}
	if !r.admit() {
		r.shut(elbReset)
		ended()
		return
	}
	r.phase = begun
	r.carrier.watch(r)
	if err := r.enter(client); err != nil {
		r.finish(elbReset)
	}
}

// Abort resets the flow now.
func (r *relay) Abort() { r.stop(elbReset) }

func (r *relay) stop(why cause) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.finish(why)
}

// shut closes the sockets. Whatever broke off is told to both sides by a reset.
func (r *relay) shut(why cause) {
	r.over, r.cause = true, why
	if r.phase == handedOver {
		r.pair.close(why != finished)
		return
	}
	for side, fd := range r.fds {
		if fd >= 0 {
			r.close(side, why != finished)
		}
	}
}

// enter asks for the events of one side's socket.
func (r *relay) enter(side int) error { return r.loop.Enter(&r.polled[side], r.fds[side], r, true) }

// close closes one side's socket.
func (r *relay) close(side int, reset bool) {
	if r.polled[side].Loop() != nil {
		r.polled[side].Close(reset)
	} else {
		sock.CloseFD(r.fds[side], reset)
	}
	r.fds[side] = -1
}

// finish ends the flow, once.
func (r *relay) finish(why cause) {
	if r.over {
		return
	}
	r.shut(why)
	if r.phase == fresh {
		return
	}
	r.lanes[up].drop()
	r.lanes[down].drop()
	r.carrier.unwatch(r)
	r.settle()
	r.ended()
}

// Event is called by the loop when something has come about on a side's socket, or ways have
// asked for another turn.
func (r *relay) Event(_ *sock.Loop, p *sock.Polled, events uint32) {
	side := client
	if p == &r.polled[target] {
		side = target
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.contain()
	switch {
	case r.over || r.phase == handedOver:
	case events == 0:
		r.pump(side, true)
	case r.phase == carrying:
		r.carry(side, events)
	case r.phase == begun:
		r.early[side] |= events
		r.connect()
	case side == target:
		r.answered(events)
	default:
		r.early[side] |= events
	}
}

// contain keeps a mistake of ours in serving one flow from ending the process.
func (r *relay) contain() {
	if fault := recover(); fault != nil {
		r.carrier.opts.Log.Error("carrying a flow: panic", "port", r.network.Port, "panic", fault, "stack", string(debug.Stack()))
		r.finish(elbReset)
	}
}

// connect asks the next target for a connection, or the first one.
func (r *relay) connect() {
	if r.phase == begun {
		r.phase, r.tried = connecting, r.room[:0]
		r.candidates = r.network.Choose(clientHash(r.client.Addr()))
	}
	for r.candidates != nil && len(r.tried) < mostAttempts {
		i := r.choose(r.candidates, r.tried)
		if i < 0 {
			break
		}
		r.tried = append(r.tried, i)
		err := r.ask(r.candidates.Targets[i])
		if err == nil {
			return
		}
		r.countFailure(err)
	}
	r.finish(elbReset)
}

// ask begins a connection to a target, from the client's address where it is to be kept.
func (r *relay) ask(t *snapshot.Target) (err error) {
	r.fds[target], err = dialFrom(r.carrier.sourcesOf(r.candidates, r.flow.client, t.Addr), func(from netip.AddrPort) (int, error) {
		if !from.IsValid() {
			return sock.BeginConnect(t.Addr, nil)
		}
		return sock.BeginConnect(t.Addr, func(fd int) error { return lend(fd, from) })
	})
	if err != nil {
		return err
	}
	if err = r.enter(target); err != nil {
		r.close(target, false)
	}
	return err
}

// refused passes over the target that is being asked.
func (r *relay) refused(err error) {
	r.close(target, false)
	r.countFailure(err)
	r.connect()
}

// answered is called at the first event of a target's socket: the target has taken the connection, or has not.
func (r *relay) answered(events uint32) {
	if events&sock.BrokenOff != 0 {
		r.refused(sock.Failure(r.fds[target]))
		return
	}
	if events&sock.Writable == 0 {
		return
	}
	if r.candidates.Attributes.ProxyProtocolV2 {
		var room [maxProxyHeader]byte
		header := appendProxyHeader(room[:0], overStream, r.client, r.local)
		if n, errno := sock.Send(r.fds[target], header); n < len(header) { // a new socket has room for it
			r.refused(errno)
			return
		}
	}
	r.join(r.candidates, r.candidates.Targets[r.tried[len(r.tried)-1]])
	r.phase = carrying
	r.carry(client, r.early[client])
	if !r.over && r.phase == carrying {
		r.carry(target, events)
	}
}

// sweep ends the flow where it must not go on, and its target's time to answer.
func (r *relay) sweep(now time.Time, current *snapshot.Snapshot) {
	if r.stale(now, current) {
		r.Abort()
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.over || r.phase != connecting:
	case r.asked.attempt != len(r.tried):
		r.asked = asked{len(r.tried), now}
	case now.Sub(r.asked.since) >= connectTimeout:
		r.refused(unix.ETIMEDOUT)
	}
}

// handOver gives the connections to Go's poller and to goroutines, whose ways let the kernel
// move long transfers: measured, that costs a fifth less than the same from a loop, while what
// short conversations spare by the loop is a third. Neither lane holds anything then.
func (r *relay) handOver() {
	r.polled[client].Release()
	r.polled[target].Release()
	r.phase, r.pair = handedOver, &pair{}
	r.pair.init(&r.flow, r.stop)
	from, to := sock.Adopt(r.fds[client], r.client, r.local), sock.Adopt(r.fds[target], r.target.Addr, netip.AddrPort{})
	r.pair.from, r.pair.to = side{sock: from, conn: from}, side{sock: to, conn: to}
	go func() {
		r.pair.carry()
		r.stop(finished)
	}()
}

// relay makes the flow of a connection, nil where a Stream has to do it.
func (c *Carrier) relay(a sock.Accepted, n *snapshot.Network) *relay {
	loops := sock.Loops()
	if len(loops) == 0 || n.Config.Protocol == lb.TLS {
		return nil
	}
	for _, m := range n.Forward.Members {
		if m.Group.Config.Protocol == lb.TLS {
			return nil
		}
	}
	r := &relay{fds: [2]int{a.FD(), -1}}
	r.open(c, a, n)
	r.loop = loops[int(r.number)%len(loops)]
	return r
}
