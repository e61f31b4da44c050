// Package listener owns the sockets that clients connect to.
//
// A change of configuration needs three steps in this order, so that no connection
// is refused on the way: Bind opens the ports that are new; the proxy swaps its
// snapshot; Retain closes the ports that are gone and drains their connections. A
// port that stays is not touched at all.
//
// Each accepted connection gets a session of its own, which is begun and then runs by itself, or
// else is run in a goroutine of its own.
// A Set remembers the sessions of each port, so that it can ask them to end and, when
// patience is over, make them. A port that is gone closes what is idle at once. A Set that
// shuts down leaves idle connections open for IdleGrace: a client may be about to ask, and what
// it sends on a connection that closes at this moment is lost. It is answered, and told by
// "Connection: close" that this was the last time, as HAProxy and Envoy do.
package listener

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/albatross-lb/albatross/internal/sock"
)

// Session serves one connection.
type Session interface {
	Serve() // until the connection ends
	Drain() // end after the request under way, or else the next one; may be called at any time and again
	Abort() // close the connection now
}

// Keeper is a session that may be idle between requests.
type Keeper interface {
	Session
	CloseIdle() // Drain, and do not wait for a next request; may be called at any time and again
}

// closeIdle drains a session and does not leave it idle.
func closeIdle(s Session) {
	if k, ok := s.(Keeper); ok {
		k.CloseIdle()
		return
	}
	s.Drain()
}

// idleGrace is enough for a client that asks every few seconds, and short for whoever waits for the end.
const idleGrace = 5 * time.Second

// Event is a session that needs no goroutine: Begin returns at once, and ended is called
// when the connection has ended, by whoever ends it.
type Event interface {
	Session
	Begin(ended func())
}

// Set is the sockets that are open. The zero value is not usable: see New.
type Set struct {
	// IdleGrace is for how long Shutdown leaves connections open on which nothing is asked; 5 s by default.
	IdleGrace time.Duration

	address string // to bind; "" is every address of the host
	open    func(c sock.Accepted, port int) Session
	log     *slog.Logger

	mu      sync.Mutex
	sockets map[int]*socket // by port of the manifests
	gone    []*socket       // closed, with sessions that may still run
	running sync.WaitGroup
}

// socket is one open port.
type socket struct {
	set      *Set
	port     int // of the manifests
	bound    int
	listener *sock.Acceptor
	warned   time.Time // when it was last said why no connections are accepted

	mu       sync.Mutex
	sessions map[Session]struct{}
	told     func(Session) // what sessions are told since the socket was closed; nil before
}

// New gives a Set without sockets. open makes the session for a connection that was
// accepted on a port of the manifests.
func New(address string, open func(c sock.Accepted, port int) Session, log *slog.Logger) *Set {
	return &Set{IdleGrace: idleGrace, address: address, open: open, log: log, sockets: map[int]*socket{}}
}

// Bind opens what is not open yet of the ports wanted (port of the manifests -> port
// to bind) and gives an error for each that cannot be.
func (s *Set) Bind(wanted map[int]int) map[int]error {
	s.mu.Lock()
	defer s.mu.Unlock()
	problems := map[int]error{}
	for port, bound := range wanted {
		if open := s.sockets[port]; open != nil && open.bound == bound {
			continue
		}
		l, err := listen(s.address, bound)
		if err != nil {
			problems[port] = err
			continue
		}
		k := &socket{set: s, port: port, bound: bound, listener: l, sessions: map[Session]struct{}{}}
		if old := s.sockets[port]; old != nil {
			s.let(old)
		}
		s.sockets[port] = k
		s.log.Info("listening", "port", port, "address", l.Addr().String())
		s.running.Go(k.accept)
	}
	return problems
}

// listen binds a port; the error says what to do about it.
func listen(address string, port int) (*sock.Acceptor, error) {
	config := net.ListenConfig{KeepAlive: keepAlive, Control: inherit}
	config.SetMultipathTCP(false) // on by default, and every accepted connection pays for it
	l, err := config.Listen(context.Background(), "tcp", net.JoinHostPort(address, strconv.Itoa(port)))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("port %d is taken by another process; stop it, or bind another port with --port-map", port)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("port %d may not be bound by this user; bind another one with --port-map, as in --port-map %d=%d", port, port, port+8000)
	case err != nil:
		return nil, fmt.Errorf("binding port %d: %w; see --bind and --port-map", port, err)
	}
	return sock.NewAcceptor(l.(*net.TCPListener))
}

// Retain closes the sockets whose port is not wanted any more and drains their connections.
func (s *Set) Retain(wanted map[int]int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for port, k := range s.sockets {
		if _, ok := wanted[port]; !ok {
			s.let(k)
			delete(s.sockets, port)
			s.log.Info("no longer listening", "port", port)
		}
	}
}

// let closes a socket and remembers it for as long as it has sessions.
func (s *Set) let(k *socket) {
	s.gone = append(slices.DeleteFunc(s.gone, func(k *socket) bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		return len(k.sessions) == 0
	}), k)
	k.close(closeIdle)
}

// Address gives what a port of the manifests is bound to; "" if it is not.
func (s *Set) Address(port int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.sockets[port]; k != nil {
		return k.listener.Addr().String()
	}
	return ""
}

// Shutdown closes all sockets, then idle connections after IdleGrace, lets the requests under way
// end until ctx is done, and then closes what is left. It returns how many connections that were.
func (s *Set) Shutdown(ctx context.Context) int {
	s.mu.Lock()
	sockets := slices.Clone(s.gone)
	for _, k := range s.sockets {
		sockets = append(sockets, k)
		k.close(Session.Drain)
	}
	s.mu.Unlock()
	ended := make(chan struct{})
	go func() { s.running.Wait(); close(ended) }()
	grace := time.NewTimer(s.IdleGrace)
	defer grace.Stop()
	select {
	case <-ended:
		return 0
	case <-grace.C:
		for _, k := range sockets {
			k.each(closeIdle)
		}
	case <-ctx.Done():
	}
	select {
	case <-ended:
		return 0
	case <-ctx.Done():
	}
	left := 0
	for _, k := range sockets {
		left += k.each(Session.Abort)
	}
	<-ended
	return left
}

// accept runs a session for each connection until the socket is closed.
func (k *socket) accept() {
	for pause := time.Duration(0); ; {
		c, err := k.listener.Accept()
		switch {
		case err == nil:
			k.start(c)
			if pause = 0; c.Crowded() {
				k.waitForRoom()
			}
		case errors.Is(err, net.ErrClosed):
			return
		default: // out of file descriptors, mostly: others must end first
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			k.warn("accepting a connection", "error", err, "next_try_in", pause)
			time.Sleep(pause)
		}
	}
}

// waitForRoom waits until clients have not used up their share of file descriptors any more. Others wait in the
// kernel's queue meanwhile.
func (k *socket) waitForRoom() {
	k.warn("no connections are accepted for now: clients have their share of open files", "limit", sock.Descriptors())
	for sock.Crowded() && !k.isClosed() {
		time.Sleep(crowdedPause)
	}
}

// crowdedPause is how often it is looked whether clients have left.
const crowdedPause = 20 * time.Millisecond

// warn logs what keeps the port from accepting, once a second at most.
func (k *socket) warn(what string, args ...any) {
	if time.Since(k.warned) < time.Second {
		return
	}
	k.warned = time.Now()
	k.set.log.Warn(what, append(args, "port", k.bound)...)
}

func (k *socket) isClosed() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.told != nil
}

func (k *socket) start(c sock.Accepted) {
	session := k.set.open(c, k.port)
	k.mu.Lock()
	k.sessions[session] = struct{}{}
	told := k.told
	k.mu.Unlock()
	if told != nil {
		told(session)
	}
	k.set.running.Add(1)
	if e, ok := session.(Event); ok {
		e.Begin(func() {
			k.remove(session)
			k.set.running.Done()
		})
		return
	}
	go k.serve(session) // one closure and one frame less for each connection than by running.Go
}

func (k *socket) serve(session Session) {
	defer k.set.running.Done()
	defer k.remove(session)
	defer k.contain(session)
	session.Serve()
}

// contain keeps a mistake of ours in serving one connection from ending the process
// and with it all others.
func (k *socket) contain(session Session) {
	if fault := recover(); fault != nil {
		k.set.log.Error("serving a connection: panic", "port", k.bound, "panic", fault, "stack", string(debug.Stack()))
		session.Abort()
	}
}

func (k *socket) remove(session Session) {
	k.mu.Lock()
	delete(k.sessions, session)
	k.mu.Unlock()
}

// close stops accepting, and tells all sessions what is to become of them.
func (k *socket) close(tell func(Session)) {
	k.mu.Lock()
	k.told = tell
	k.mu.Unlock()
	k.listener.Close()
	k.each(tell)
}

func (k *socket) each(do func(Session)) int {
	k.mu.Lock()
	all := make([]Session, 0, len(k.sessions))
	for session := range k.sessions {
		all = append(all, session)
	}
	k.mu.Unlock()
	for _, session := range all {
		do(session)
	}
	return len(all)
}
