package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
)

// What a connection is for is said by its first nine bytes: a letter and a number.
//
//	d N   the target sends N bytes and ends
//	u N   the target reads N bytes and answers with one
//	e N   the target answers N questions of questionSize bytes with as many

const questionSize = 64

// transferStreams are the connections that share the bytes.
const transferStreams = 4

// l4Target starts the target inside this program.
func l4Target() (address string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				answer(c)
			}()
		}
	}()
	return l.Addr().String(), func() { l.Close() }, nil
}

func answer(c net.Conn) {
	var head [9]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return
	}
	n := int64(binary.BigEndian.Uint64(head[1:]))
	switch head[0] {
	case 'd':
		pour(c, int(n)) //nolint:errcheck // the client counts
	case 'u':
		if got, _ := io.CopyBuffer(blackHole{}, io.LimitReader(c, n), make([]byte, 256<<10)); got == n {
			c.Write([]byte{1}) //nolint:errcheck // the client reads it
		}
	case 'e':
		var question [questionSize]byte
		for range n {
			if _, err := io.ReadFull(c, question[:]); err != nil {
				return
			}
			if _, err := c.Write(question[:]); err != nil {
				return
			}
		}
		io.Copy(io.Discard, c) //nolint:errcheck // until the client ends
	}
}

// pour sends n bytes in large pieces, so that the ends cost little beside the proxy.
func pour(c net.Conn, n int) error {
	for piece := make([]byte, 256<<10); n > 0; {
		sent, err := c.Write(piece[:min(n, len(piece))])
		if err != nil {
			return err
		}
		n -= sent
	}
	return nil
}

type blackHole struct{}

func (blackHole) Write(p []byte) (int, error) { return len(p), nil }

func ask(address string, what byte, n int) (net.Conn, error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	head := binary.BigEndian.AppendUint64([]byte{what}, uint64(n))
	if _, err := c.Write(head); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// each runs work n times at once and gives the first error.
func each(n int, work func() error) error {
	var all sync.WaitGroup
	errs := make(chan error, n)
	for range n {
		all.Go(func() { errs <- work() })
	}
	all.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// transfer moves so many bytes: what is 'd' for towards the client, 'u' for towards the target.
func transfer(address string, what byte, bytes int) error {
	share := bytes / transferStreams
	return each(transferStreams, func() error {
		c, err := ask(address, what, share)
		if err != nil {
			return err
		}
		defer c.Close()
		if what == 'd' {
			got, err := io.CopyBuffer(blackHole{}, struct{ io.Reader }{c}, make([]byte, 256<<10))
			if err == nil && got != int64(share) {
				err = fmt.Errorf("%d bytes came of %d", got, share)
			}
			return err
		}
		if err := pour(c, share); err != nil {
			return err
		}
		_, err = io.ReadFull(c, make([]byte, 1))
		return err
	})
}

const l4Clients = 32

// connections opens so many, asks one question on each and closes it.
func connections(address string, n int) error {
	return each(l4Clients, func() error {
		for range n / l4Clients {
			if err := conversation(address, 1); err != nil {
				return err
			}
		}
		return nil
	})
}

// questions asks so many on a few connections that stay open.
func questions(address string, n int) error {
	return each(l4Clients, func() error { return conversation(address, n/l4Clients) })
}

func conversation(address string, n int) error {
	c, err := ask(address, 'e', n)
	if err != nil {
		return err
	}
	defer c.Close()
	var question [questionSize]byte
	for range n {
		if _, err := c.Write(question[:]); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, question[:]); err != nil {
			return err
		}
	}
	return nil
}
