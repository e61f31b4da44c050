package sock

import (
	"runtime"
	"testing"
)

func TestHungUp(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("unread bytes hide the end here")
	}
	s, peer := pair(t)
	if s.HungUp() {
		t.Fatal("an open connection counts as hung up")
	}
	peer.Write([]byte("unread"))
	for {
		if _, unread := s.Closed(); unread {
			break
		}
	}
	if s.HungUp() {
		t.Fatal("unread bytes count as hung up")
	}
	peer.CloseWrite()
	for !s.HungUp() { // the FIN is on its way
	}
	reset, other := pair(t)
	other.SetLinger(0)
	other.Close()
	for !reset.HungUp() {
	}
}
