//go:build !linux

package flow

import (
	"errors"
	"syscall"
)

func transparent(string, string, syscall.RawConn) error {
	return errors.New("clients' addresses can be kept on Linux only")
}
