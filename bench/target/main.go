// Command target is what the proxies of the comparison balance: it answers
// anything with the same 85 bytes, at next to no cost, a GET whose path ends in
// /mib with a mebibyte, and a POST once its body is there, which goes nowhere.
//
// A costly target would hide what is measured: on two cores it competes with the
// proxy for them. So it understands no HTTP beyond the blank line that ends a
// head, those two exceptions, and the Content-Length of a POST.
// One goroutine serves one connection with one buffer; answers to requests that
// arrived together leave together. It serves each address it is given, so that
// one process stands for several targets.
package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
)

// answer is head and body together, 85 bytes.
const answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 20\r\n\r\nhello from a target\n"

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: target ADDRESS...")
		os.Exit(2)
	}
	failed := make(chan error)
	for _, address := range os.Args[1:] {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			fmt.Fprintln(os.Stderr, "target:", err)
			os.Exit(1)
		}
		go func() { failed <- accept(listener) }()
	}
	fmt.Fprintln(os.Stderr, "target:", <-failed)
	os.Exit(1)
}

func accept(listener net.Listener) error {
	for {
		c, err := listener.Accept()
		if err != nil {
			return err
		}
		go serve(c)
	}
}

var (
	blankLine = []byte("\r\n\r\n")
	length    = []byte("\r\ncontent-length: ")
	large     = append([]byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1048576\r\n\r\n"), bytes.Repeat([]byte("0123456789abcde\n"), 1<<16)...)
)

// connection reads requests into one buffer; buffer[done:have] is still to be understood.
type connection struct {
	net.Conn
	buffer     []byte
	done, have int
	out        []byte
}

// serve answers each request until the peer hangs up or sends a head of more than 64 KiB.
func serve(c net.Conn) {
	defer c.Close()
	s := &connection{Conn: c, buffer: make([]byte, 64<<10)}
	for s.have < len(s.buffer) {
		n, err := c.Read(s.buffer[s.have:])
		if err != nil {
			return
		}
		s.have += n
		s.out = s.out[:0]
		for {
			end := bytes.Index(s.buffer[s.done:s.have], blankLine)
			if end < 0 {
				break
			}
			head := s.buffer[s.done : s.done+end]
			s.done += end + len(blankLine)
			if err := s.answer(head); err != nil {
				return
			}
		}
		s.have, s.done = copy(s.buffer, s.buffer[s.done:s.have]), 0
		if len(s.out) > 0 {
			if _, err := c.Write(s.out); err != nil {
				return
			}
		}
	}
}

// answer writes a large body at once and leaves anything else in out.
func (s *connection) answer(head []byte) error {
	if bytes.HasPrefix(head, []byte("POST ")) {
		if err := s.discard(bodyLength(head)); err != nil {
			return err
		}
	} else if line, _, _ := bytes.Cut(head, blankLine[:2]); bytes.HasSuffix(line, []byte("/mib HTTP/1.1")) {
		_, err := (&net.Buffers{s.out, large}).WriteTo(s.Conn)
		s.out = s.out[:0]
		return err
	}
	s.out = append(s.out, answer...)
	return nil
}

// bodyLength reads Content-Length, whose name proxies spell as they like.
func bodyLength(head []byte) (n int) {
	i := bytes.Index(bytes.ToLower(head), length)
	if i < 0 {
		return 0
	}
	fmt.Sscanf(string(head[i+len(length):]), "%d", &n)
	return n
}

// discard reads n bytes, those first that are in the buffer.
func (s *connection) discard(n int) error {
	here := min(n, s.have-s.done)
	s.done += here
	for n -= here; n > 0; {
		got, err := s.Read(s.buffer[:min(n, len(s.buffer))])
		if err != nil {
			return err
		}
		n -= got
		s.done, s.have = 0, 0
	}
	return nil
}
