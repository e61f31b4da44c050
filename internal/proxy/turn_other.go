//go:build !linux

package proxy

import "net"

// turn is what a Session is in an event loop, which are on Linux only.
type turn struct{}

func (s *Session) assign() bool { return false }

func (s *Session) enter() bool { return false }

func (s *Session) enterAgain() bool { return false }

func (s *Session) looped() bool { return false }

func (s *Session) ask(*exchange) bool { return true }

func (s *Session) weigh(*exchange) {}

func (s *Session) closeIdleLooped() bool { return false }

func (s *Session) resetLooped() bool { return false }

func (s *Session) cutOff() { s.sock.Close() }

func (s *Session) shut() { s.conn.Close() }

func (s *Session) sendNow([]byte) (int, error) { return 0, net.ErrClosed }

func (s *Session) transport() net.Conn { return s.sock }
