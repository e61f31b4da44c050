package client

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// MiB is how large the bodies are.
const MiB = 1 << 20

// Download is the request for a body of a mebibyte.
func Download(address, path string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\n\r\n", path, address)
}

// Upload is a request with a body of a mebibyte.
func Upload(address, path string) []byte {
	head := fmt.Appendf(make([]byte, 0, MiB+512), "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nContent-Length: %d\r\n\r\n", path, address, MiB)
	for i := range MiB {
		head = append(head, byte('a'+i%26))
	}
	return head
}

// Repeat makes the same request over and over on each of the connections, and returns after
// the first answer past the time with the number of answers.
func Repeat(ctx context.Context, address string, request []byte, connections int, d time.Duration) (done int, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var answers atomic.Int64
	var running sync.WaitGroup
	deadline := time.Now().Add(d)
	for range connections {
		running.Go(func() {
			if err := repeat(ctx, address, request, deadline, &answers); err != nil {
				cancel(err)
			}
		})
	}
	running.Wait()
	return int(answers.Load()), context.Cause(ctx)
}

// repeat opens a connection anew where the proxy ends it with an answer.
func repeat(ctx context.Context, address string, request []byte, deadline time.Time, answers *atomic.Int64) error {
	buffer := make([]byte, 256<<10)
	for time.Now().Before(deadline) {
		if err := repeatOnOne(ctx, address, request, buffer, deadline, answers); err != nil {
			return err
		}
	}
	return nil
}

func repeatOnOne(ctx context.Context, address string, request, buffer []byte, deadline time.Time, answers *atomic.Int64) error {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if err := c.SetDeadline(deadline.Add(time.Minute)); err != nil {
		return err
	}
	for keep := true; keep && time.Now().Before(deadline); {
		if keep, err = exchange(c, request, buffer); err != nil {
			return err
		}
		answers.Add(1)
	}
	return nil
}
