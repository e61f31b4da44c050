//go:build !linux

package client

import (
	"errors"
	"syscall"
	"time"
)

// Schedule needs Linux.
func Schedule(string, []byte, int, float64, time.Duration) (Latencies, error) {
	return nil, errors.New("requests by schedule need Linux's epoll")
}

func latePort(_, _ string, _ syscall.RawConn) error { return nil }
