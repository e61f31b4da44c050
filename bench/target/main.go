// Command target is what the proxies of the comparison balance: it answers
// anything with the same 85 bytes, at next to no cost.
//
// A costly target would hide what is measured: on two cores it competes with the
// proxy for them. So it understands no HTTP beyond the blank line that ends a
// request without a body, which is all that wrk sends and a health check needs.
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

var blankLine = []byte("\r\n\r\n")

// serve answers each blank line until the peer hangs up or sends a head of more than 8 KiB.
func serve(c net.Conn) {
	defer c.Close()
	buffer := make([]byte, 8<<10)
	have := 0
	var out []byte
	for have < len(buffer) {
		n, err := c.Read(buffer[have:])
		if err != nil {
			return
		}
		have += n
		done := 0
		out = out[:0]
		for {
			end := bytes.Index(buffer[done:have], blankLine)
			if end < 0 {
				break
			}
			done += end + len(blankLine)
			out = append(out, answer...)
		}
		have = copy(buffer, buffer[done:have])
		if len(out) > 0 {
			if _, err := c.Write(out); err != nil {
				return
			}
		}
	}
}
