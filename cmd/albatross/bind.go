package main

import (
	"context"
	"fmt"
	"sync"

	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/lb"
)

// bound is which ports are open: port of the manifests -> port that is bound.
type bound struct {
	streams map[int]int // TCP
	packets map[int]int // UDP
}

// bind opens what next wants and takes out of it what cannot be opened.
func (m *machine) bind(next *snapshot.Snapshot) (bound, []lb.Problem) {
	open := bound{map[int]int{}, map[int]int{}}
	for port, s := range next.Sockets {
		open.streams[port] = s.BoundPort
	}
	for port, n := range next.Streams {
		open.streams[port] = n.BoundPort
	}
	for port, n := range next.Packets {
		open.packets[port] = n.BoundPort
	}
	var problems []lb.Problem
	unbound := func(b *lb.LoadBalancer, l *lb.Listener, err error) {
		problems = append(problems, lb.Problem{Origin: b.Origin, Field: fmt.Sprintf("listener %s:%d", l.Protocol, l.Port), Text: err.Error()})
	}
	for port, err := range m.listeners.Bind(open.streams) {
		if n := next.Streams[port]; n != nil {
			unbound(n.LoadBalancer.Config, n.Config, err)
		}
		if s := next.Sockets[port]; s != nil {
			for _, l := range s.Listeners {
				unbound(l.LoadBalancer.Config, l.Config, err)
			}
		}
		delete(next.Sockets, port)
		delete(next.Streams, port)
		delete(open.streams, port)
	}
	for port, err := range m.packets.Bind(open.packets) {
		unbound(next.Packets[port].LoadBalancer.Config, next.Packets[port].Config, err)
		delete(next.Packets, port)
		delete(open.packets, port)
	}
	return open, problems
}

// shutdown closes all ports, lets what is under way end until ctx is done, and closes
// what is left. It returns how many connections that were.
func (m *machine) shutdown(ctx context.Context) int {
	var packets sync.WaitGroup
	packets.Go(func() { m.packets.Shutdown(ctx) })
	defer packets.Wait()
	return m.listeners.Shutdown(ctx)
}
