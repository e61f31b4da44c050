package ports

import (
	"errors"
	"net"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
)

// TestFree: many at once, while children are forked, each get a port that can be used at
// once and that nobody else got.
func TestFree(t *testing.T) {
	stop := make(chan struct{})
	var children sync.WaitGroup
	for range 4 {
		children.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					exec.Command("true").Run()
				}
			}
		})
	}
	var seen sync.Map
	var askers sync.WaitGroup
	for range 8 {
		askers.Go(func() {
			for range 30 {
				port, err := Free()
				if err != nil {
					t.Error(err)
					return
				}
				if _, twice := seen.LoadOrStore(port, true); twice {
					t.Errorf("port %d was given twice", port)
				}
				l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
				if err != nil {
					t.Error(err)
					continue
				}
				l.Close()
			}
		})
	}
	askers.Wait()
	close(stop)
	children.Wait()
}

func TestNeighbours(t *testing.T) {
	for _, n := range []int{1, 6, 49} {
		first, err := Neighbours(n)
		if err != nil {
			t.Fatal(err)
		}
		for port := first; port < first+n; port++ {
			if !free(port) {
				t.Errorf("port %d of %d from %d is not free", port, n, first)
			}
		}
	}
}

// TestRefusing: the port refuses, and nobody else can have it.
func TestRefusing(t *testing.T) {
	addr, release, err := Refusing()
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if c, err := net.Dial("tcp", addr.String()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("connected to %v, error %v", c, err)
	}
	if l, err := net.Listen("tcp", addr.String()); err == nil {
		l.Close()
		t.Error("another can listen on it")
	}
}
