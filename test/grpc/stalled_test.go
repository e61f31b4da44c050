package grpc

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	testpb "google.golang.org/grpc/interop/grpc_testing"
)

// unread begins a stream that the server does not read for a while, and sends on it as long
// as there is room.
func unread(ctx context.Context, c testpb.TestServiceClient, sent *atomic.Int64) error {
	stream, err := c.FullDuplexCall(ctx)
	if err != nil {
		return err
	}
	if err := stream.Send(asks(1, 1, time.Minute)); err != nil {
		return err
	}
	for stream.Send(&testpb.StreamingOutputCallRequest{Payload: payload(10_000)}) == nil {
		sent.Add(1)
	}
	return nil
}

// untaken begins a stream of messages and takes the first.
func untaken(ctx context.Context, c testpb.TestServiceClient) error {
	stream, err := c.StreamingOutputCall(ctx, asks(1000, 10_000, 0))
	if err != nil {
		return err
	}
	_, err = stream.Recv()
	return err
}

// TestStalledStreams: calls move, those of the same client and those of another that share the
// connection to the target, beside streams that the target or a client does not read.
func TestStalledStreams(t *testing.T) {
	b := startBalancer(t, fmt.Sprintf(manifests, startServer(t)))
	c, other := testpb.NewTestServiceClient(b.dial()), testpb.NewTestServiceClient(b.dial())
	ctx, cancel := context.WithCancel(bounded(t))
	const each = 40
	var streams sync.WaitGroup
	defer streams.Wait()
	defer cancel()
	var sent atomic.Int64
	for range each {
		if err := untaken(ctx, c); err != nil {
			t.Fatal(err)
		}
		streams.Go(func() {
			if err := unread(ctx, c, &sent); err != nil {
				t.Error(err)
			}
		})
	}
	for still := 0; still < 5; still++ { // until nothing of the others has moved during five of each
		before := sent.Load()
		for name, c := range map[string]testpb.TestServiceClient{"the same": c, "another": other} {
			if err := upload(ctx, c, 20, 30_000, 0); err != nil {
				t.Fatalf("an upload of %s client: %v", name, err)
			}
			if err := download(ctx, c, 20, 30_000, 0); err != nil {
				t.Fatalf("a download of %s client: %v", name, err)
			}
		}
		if sent.Load() != before {
			still = 0
		}
	}
}
