// Package ports gives tests TCP ports of loopback that nothing else takes between their choice
// and their use.
//
// A test that starts a server as a process of its own must name its port before anybody
// listens on it. Three things take such a port away. The first is the system: it hands
// out ports from 32768 or 49152 on to whoever listens on port 0 or connects, so ours
// lie below. The second is another test, since `go test ./...` runs packages side by
// side: a process claims a block of ports by listening on its first one, and gives each
// port of its blocks once. The third is ourselves, if we looked by listening and
// closing: a child that is forked in between has our socket too until its exec, and the
// port stays taken although we closed it. So we look by connecting.
package ports

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

const (
	first     = 10000
	blockSize = 50
	blocks    = 400
)

var given struct {
	sync.Mutex
	claims []net.Listener // the first port of each block of this process, held until it ends
	next   int            // the port to look at next
	end    int            // of the block
}

// Free gives a port on which nothing listens. It is given once in the life of the process.
func Free() (int, error) {
	return Neighbours(1)
}

// Neighbours gives the first of n ports that follow each other, on none of which anything
// listens. n is at most 49.
func Neighbours(n int) (int, error) {
	given.Lock()
	defer given.Unlock()
	for found := 0; ; given.next++ {
		if given.next >= given.end {
			if err := claim(); err != nil {
				return 0, err
			}
			found = 0
		}
		if !free(given.next) {
			found = 0
			continue
		}
		if found++; found == n {
			given.next++
			return given.next - n, nil
		}
	}
}

// claim finds a block that no other process has.
func claim() error {
	for _, block := range rand.Perm(blocks) {
		port := first + block*blockSize
		if l, err := net.Listen("tcp", address(port)); err == nil {
			given.claims = append(given.claims, l)
			given.next, given.end = port+1, port+blockSize
			return nil
		}
	}
	return fmt.Errorf("every block of ports from %d to %d is taken", first, first+blocks*blockSize)
}

// free says whether nothing listens on a port, by knocking.
func free(port int) bool {
	c, err := net.Dial("tcp", address(port))
	if err == nil {
		c.Close()
	}
	return err != nil
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
