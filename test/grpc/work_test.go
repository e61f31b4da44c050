package grpc

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
)

// What a flood and what much work look like in frames is told apart here by gRPC's own
// client and server, with their defaults: both ping behind the DATA that they get.

// inWorlds runs a test with manifests of its own and with those of a compatibility case.
func inWorlds(t *testing.T, name string, run func(t *testing.T, b *balancer), options ...grpc.ServerOption) {
	server := startServer(t, options...)
	t.Run("own", func(t *testing.T) { run(t, startBalancer(t, fmt.Sprintf(manifests, server))) })
	t.Run(name, func(t *testing.T) { run(t, startBalancer(t, caseManifests(t, name, server))) })
}

// asks is a request for n messages of that size, so long apart.
func asks(n int, size int32, apart time.Duration) *testpb.StreamingOutputCallRequest {
	r := &testpb.StreamingOutputCallRequest{}
	for range n {
		r.ResponseParameters = append(r.ResponseParameters, &testpb.ResponseParameters{Size: size, IntervalUs: int32(apart.Microseconds())})
	}
	return r
}

func payload(size int) *testpb.Payload { return &testpb.Payload{Body: make([]byte, size)} }

// download takes a stream of n messages.
func download(ctx context.Context, c testpb.TestServiceClient, n int, size int32, apart time.Duration) error {
	stream, err := c.StreamingOutputCall(ctx, asks(n, size, apart))
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		switch _, err := stream.Recv(); {
		case err == io.EOF && i == n:
			return nil
		case err != nil:
			return fmt.Errorf("after %d of %d messages: %w", i, n, err)
		}
	}
}

// upload sends n messages, so long apart; the server says how many bytes it got.
func upload(ctx context.Context, c testpb.TestServiceClient, n, size int, apart time.Duration) error {
	stream, err := c.StreamingInputCall(ctx)
	if err != nil {
		return err
	}
	beat := time.NewTicker(max(apart, 1))
	defer beat.Stop()
	for i := range n {
		if apart > 0 {
			<-beat.C
		}
		if err := stream.Send(&testpb.StreamingInputCallRequest{Payload: payload(size)}); err != nil {
			_, cause := stream.CloseAndRecv()
			return fmt.Errorf("after %d of %d messages: %w / %w", i, n, err, cause)
		}
	}
	if r, err := stream.CloseAndRecv(); err != nil || r.AggregatedPayloadSize != int32(n*size) {
		return fmt.Errorf("behind %d messages: %v, %w", n, r, err)
	}
	return nil
}

// pingPong is a stream on which messages go back and forth until told to stop.
func pingPong(ctx context.Context, c testpb.TestServiceClient, stop <-chan struct{}) error {
	stream, err := c.FullDuplexCall(ctx)
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		select {
		case <-stop:
			stream.CloseSend()
			if _, err := stream.Recv(); err != io.EOF {
				return fmt.Errorf("at the end: %w", err)
			}
			return nil
		default:
		}
		if err := stream.Send(asks(1, 10, 10*time.Millisecond)); err != nil && err != io.EOF {
			return err
		}
		if _, err := stream.Recv(); err != nil {
			return fmt.Errorf("after %d messages: %w", i, err)
		}
	}
}

// beside runs streams of other clients while work is done. None of them may notice.
func beside(t *testing.T, ctx context.Context, clients []testpb.TestServiceClient, work func()) {
	stop := make(chan struct{})
	var others sync.WaitGroup
	for i := range 5 {
		others.Go(func() {
			if err := pingPong(ctx, clients[i%len(clients)], stop); err != nil {
				t.Errorf("another stream: %v", err)
			}
		})
	}
	defer others.Wait()
	defer close(stop)
	work()
}

// TestServerStream: a client with its defaults gets a stream of thousands of messages to its end.
func TestServerStream(t *testing.T) {
	inWorlds(t, "01-h2-client-ping-goaway", func(t *testing.T, b *balancer) {
		c := testpb.NewTestServiceClient(b.dial())
		ctx := bounded(t)
		if err := download(ctx, c, 1000, 1, 500*time.Microsecond); err != nil {
			t.Errorf("messages that come one by one: %v", err)
		}
		if err := download(ctx, c, 5000, 1, 0); err != nil {
			t.Errorf("messages at once: %v", err)
		}
		if err := download(ctx, c, 3000, 30_000, 0); err != nil {
			t.Errorf("messages of 30 kB: %v", err)
		}
	})
}

// TestClientStream: a target with its defaults takes a stream of thousands of messages to its
// end, and the streams of other clients that share its connection notice nothing.
func TestClientStream(t *testing.T) {
	inWorlds(t, "02-h2-target-ping-kills-shared-connection", func(t *testing.T, b *balancer) {
		c, other := testpb.NewTestServiceClient(b.dial()), testpb.NewTestServiceClient(b.dial())
		ctx := bounded(t)
		beside(t, ctx, []testpb.TestServiceClient{other}, func() {
			if err := upload(ctx, c, 1000, 1, 500*time.Microsecond); err != nil {
				t.Errorf("messages one by one: %v", err)
			}
			if err := upload(ctx, c, 5000, 1, 0); err != nil {
				t.Errorf("messages at once: %v", err)
			}
			if err := upload(ctx, c, 1000, 30_000, 0); err != nil {
				t.Errorf("messages of 30 kB: %v", err)
			}
			if err := download(ctx, c, 2000, 1, 0); err != nil {
				t.Errorf("and back: %v", err)
			}
		})
	})
}

// TestCancelledStreams: streams that are given up behind their first message, or because
// their deadline has passed, cost neither the client's connection nor a shared one.
func TestCancelledStreams(t *testing.T) {
	inWorlds(t, "15-cancelled-streams-goaway", func(t *testing.T, b *balancer) {
		c, other := testpb.NewTestServiceClient(b.dial()), testpb.NewTestServiceClient(b.dial())
		ctx := bounded(t)
		beside(t, ctx, []testpb.TestServiceClient{c, other}, func() {
			for i := range 500 {
				if err := cancelled(ctx, c); err != nil {
					t.Fatalf("stream %d, cancelled behind its first message: %v", i, err)
				}
			}
			const together = 100 // with the others, within the 128 streams that a connection may have
			var calls sync.WaitGroup
			for range together {
				calls.Go(func() {
					for i := range 10 {
						if err := late(ctx, c, 50*time.Millisecond); err != nil {
							t.Errorf("call %d of a slow target: %v", i, err)
							return
						}
					}
				})
			}
			calls.Wait()
		})
	})
}

// cancelled begins a stream and gives it up behind its first message.
func cancelled(ctx context.Context, c testpb.TestServiceClient) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	request := asks(1, 10, 0)
	request.ResponseParameters = append(request.ResponseParameters, asks(1, 10, time.Second).ResponseParameters...)
	stream, err := c.StreamingOutputCall(ctx, request)
	if err != nil {
		return err
	}
	_, err = stream.Recv()
	return err
}

// late makes a call that takes longer than its deadline, and wants to be told just that.
func late(ctx context.Context, c testpb.TestServiceClient, deadline time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	stream, err := c.StreamingOutputCall(ctx, asks(1, 10, 10*deadline))
	if err == nil {
		_, err = stream.Recv()
	}
	if status.Code(err) != codes.DeadlineExceeded {
		return fmt.Errorf("not over its deadline: %w", err)
	}
	return nil
}
