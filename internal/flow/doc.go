// Package flow carries layer-4 traffic: the flows of network load balancers.
//
// A flow is a client's TCP connection, or the datagrams that one client address sends
// to one port. It is given to one target when it begins and stays there: the target
// group by weight, the target by a hash of the flow's addresses and ports (of the
// client's address alone with stickiness), among those that health lets be chosen.
// A target that does not accept the connection is passed over for the next one,
// which is possible as long as nothing of the client's has been sent.
//
// On Linux a TCP flow begins as a relay: it has no goroutine, but is one of many whose
// sockets a loop waits on (epoll), and it reads and writes what can be without waiting.
// That is cheapest for a short question and answer: no poller's entry, no scheduler, and
// as few system calls as HAProxy makes. While it waits it holds no buffer. Where whole
// buffers come in it is handed over to a pair of goroutines that copy one way each,
// on splice(2) through a pipe from a pool, and the bytes never leave the kernel. A Stream,
// where TLS is spoken on either side or the system has no loops, is a pair from the beginning.
// What one side does, the other is told: the end of its data, or a reset. A slow reader
// slows its writer, since nothing is read before the last bytes are gone.
//
// Nothing on the way of a byte looks at a clock. Each way counts its bytes, and once a
// beat a sweeper looks at every flow: whether it has moved or has been idle for too
// long, whether its target is still fit to serve it, whether its port is still
// served. It also adds the bytes to the load balancer's figures.
//
// Datagrams (packet.go) come to one socket a port. Each flow has a socket of its own towards
// its target, so that the answers tell whose they are.
package flow
