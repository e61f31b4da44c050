//go:build !linux

package proxy

func (s *Session) restsInLoop() bool { return false }
