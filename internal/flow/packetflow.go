package flow

import (
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/albatross-lb/albatross/internal/metrics"
	"github.com/albatross-lb/albatross/internal/snapshot"
)

// packetFlow is the datagrams between one client's address and one target.
type packetFlow struct {
	port    *Port
	network *snapshot.Network
	number  uint32
	tuple   tuple
	client  netip.AddrPort
	local   netip.AddrPort // what the client sends to
	control []byte         // makes answers leave from there

	group  *snapshot.TargetGroup
	target *snapshot.Target
	conn   *net.UDPConn // connected to the target
	raw    syscall.RawConn
	header []byte // of the PROXY protocol, before each datagram

	packets atomic.Uint64 // both ways

	// Of the sweeper, under port.mu.
	seen      uint64
	moved     time.Time
	unhealthy time.Time
}

func (f *packetFlow) figures() *metrics.NetworkShard { return f.network.Metrics.Shard(f.number) }

// connect chooses a target and opens a socket towards it.
func (f *packetFlow) connect() error {
	client := clientHash(f.client.Addr())
	group := f.network.Choose(client)
	if group == nil {
		return errNoTarget
	}
	i := choose(group, client, tupleHash(udpProtocol, f.client, f.local), nil)
	if i < 0 {
		return errNoTarget
	}
	f.group, f.target = group, group.Targets[i]
	c, err := f.dial()
	if err != nil {
		return err
	}
	if f.raw, err = c.SyscallConn(); err != nil {
		c.Close()
		return err
	}
	f.conn = c
	if group.Attributes.ProxyProtocolV2 {
		f.header = appendProxyHeader(nil, overDatagram, f.client, f.local)
	}
	if group.Balance.FailsOpen() {
		f.figures().UnhealthyRouting.Add(1)
	}
	f.target.Load.Begin()
	return nil
}

// send passes a datagram of the client on: n bytes that stand behind room for a header.
// What the target's socket does not take is lost, as datagrams are.
func (f *packetFlow) send(mem []byte, n int) {
	f.count(n)
	start := maxProxyHeader - len(f.header)
	copy(mem[start:], f.header)
	f.conn.Write(mem[start : maxProxyHeader+n]) //nolint:errcheck // a target that is gone is health's to find
}

// answer passes datagrams of the target on until the flow ends.
func (f *packetFlow) answer() {
	var buf *[]byte
	var n int
	var failed error
	read := func(fd uintptr) bool {
		b := datagrams.Get().(*[]byte) // held only while there is something
		n, failed = syscall.Read(int(fd), *b)
		if failed == nil {
			buf = b
			return true
		}
		datagrams.Put(b)
		return failed != syscall.EAGAIN
	}
	for {
		if err := f.raw.Read(read); err != nil {
			return
		}
		if failed != nil {
			continue // the target's port is closed (ICMP): health will see it
		}
		f.count(n)
		f.port.conn.WriteMsgUDPAddrPort((*buf)[:n], f.control, f.tuple.client) //nolint:errcheck // as in send
		datagrams.Put(buf)
	}
}

func (f *packetFlow) count(n int) {
	f.packets.Add(1)
	figures := f.figures()
	figures.ProcessedBytes[metrics.UDPFlow].Add(uint64(n))
	figures.ProcessedPackets.Add(1)
}

// stale tells whether the flow is to end: silent for too long, or its target no longer fit.
func (f *packetFlow) stale(now time.Time, current *snapshot.Snapshot, idle time.Duration) bool {
	if seen := f.packets.Load(); seen != f.seen {
		f.seen, f.moved = seen, now
	}
	if now.Sub(f.moved) >= idle || f.target.Ended.Load() {
		return true
	}
	group := f.group
	if current != nil && current.TargetGroups[group.Config.Key] != nil {
		group = current.TargetGroups[group.Config.Key]
	}
	return unfit(f.target, group, &f.unhealthy, now)
}

// end closes the socket towards the target; the next datagram of the client begins a new flow.
func (f *packetFlow) end() {
	f.conn.Close()
	f.target.Load.End()
	f.figures().ActiveFlows[metrics.UDPFlow].Add(-1)
	f.port.carrier.leave()
}
