package grpc

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
)

// unary makes calls all at once and reports those that fail.
func unary(t *testing.T, client testpb.TestServiceClient, calls int) {
	t.Helper()
	ctx := bounded(t)
	var wg sync.WaitGroup
	for range calls {
		wg.Go(func() {
			if _, err := client.EmptyCall(ctx, &testpb.Empty{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// TestFewStreams: a target that takes ten streams on a connection serves fifty calls that come at once.
func TestFewStreams(t *testing.T) {
	inWorlds(t, "04-h2-target-max-streams-502", func(t *testing.T, b *balancer) {
		unary(t, testpb.NewTestServiceClient(b.dial()), 50)
	}, grpc.MaxConcurrentStreams(10))
}

// TestManyStreams: 1,200 streams of ten clients are all open at a time, on a target that takes a hundred on a connection.
func TestManyStreams(t *testing.T) {
	inWorlds(t, "05-h2-target-800-streams-cap", func(t *testing.T, b *balancer) {
		ctx := bounded(t)
		var wg sync.WaitGroup
		open := make(chan testpb.TestService_FullDuplexCallClient, 1200)
		for range 10 {
			client := testpb.NewTestServiceClient(b.dial())
			for range 120 {
				wg.Go(func() {
					stream, err := client.FullDuplexCall(ctx)
					if err == nil {
						err = echo(stream)
					}
					if err != nil {
						t.Error(err)
						return
					}
					open <- stream
				})
			}
		}
		wg.Wait()
		close(open)
		for stream := range open {
			if err := echo(stream); err != nil {
				t.Error(err)
			}
			stream.CloseSend()
			if _, err := stream.Recv(); err == nil {
				t.Error("a stream goes on behind its end")
			}
		}
	}, grpc.MaxConcurrentStreams(100))
}

// echo has the server answer one message.
func echo(stream testpb.TestService_FullDuplexCallClient) error {
	if err := stream.Send(&testpb.StreamingOutputCallRequest{ResponseParameters: []*testpb.ResponseParameters{{Size: 10}}}); err != nil {
		return err
	}
	_, err := stream.Recv()
	return err
}

// TestTooManyStreams: what is over the limit of connections is refused at once.
func TestTooManyStreams(t *testing.T) {
	server := startServer(t, grpc.MaxConcurrentStreams(5))
	client := testpb.NewTestServiceClient(startBalancer(t, fmt.Sprintf(manifests, server), "--http2-max-connections", "2").dial())
	ctx := bounded(t)
	var open []testpb.TestService_FullDuplexCallClient
	for range 10 {
		stream, err := client.FullDuplexCall(ctx)
		if err == nil {
			err = echo(stream)
		}
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, stream)
	}
	if _, err := client.EmptyCall(ctx, &testpb.Empty{}); status.Code(err) != codes.Unavailable {
		t.Errorf("the call too many: %v", err)
	}
	for _, stream := range open {
		if err := echo(stream); err != nil {
			t.Errorf("a stream that was open before: %v", err)
		}
	}
}

// TestConnectionAge: a target that ends its connections all the time loses no call by that.
func TestConnectionAge(t *testing.T) {
	var conns connections
	server := startServer(t, grpc.StatsHandler(&conns), grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionAge: 20 * time.Millisecond}))
	client := testpb.NewTestServiceClient(startBalancer(t, fmt.Sprintf(manifests, server)).dial())
	ctx := bounded(t)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for conns.begun.Load() < 40 {
				payload := &testpb.Payload{Body: make([]byte, 100)}
				if _, err := client.UnaryCall(ctx, &testpb.SimpleRequest{Payload: payload, ResponseSize: 100}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// connections counts those that a server has had.
type connections struct{ begun atomic.Int32 }

func (c *connections) HandleConn(_ context.Context, s stats.ConnStats) {
	if _, ok := s.(*stats.ConnBegin); ok {
		c.begun.Add(1)
	}
}

func (c *connections) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (c *connections) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (c *connections) HandleRPC(context.Context, stats.RPCStats)                         {}
