// Package grpc runs the plain cases of gRPC's own interoperability suite
// (google.golang.org/grpc/interop) through an albatross: its client on one side, its
// server on the other, an HTTPS listener and a GRPC target group between. Then those two,
// with their defaults, do what looks like a flood and is none: streams of thousands of
// messages, which both sides answer with PINGs, and streams that are cancelled or have
// deadlines. It is a module of its own, so that the load balancer does not depend on grpc.
package grpc
