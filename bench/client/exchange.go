package client

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
)

var (
	headEnd = []byte("\r\n\r\n")
	length  = []byte("content-length:")
	ending  = []byte("\r\nConnection: close\r\n")
)

// exchange sends a request and reads its answer to the end; the body goes nowhere. It reports
// whether the connection may be used again.
func exchange(c net.Conn, request, buffer []byte) (keep bool, err error) {
	if _, err := c.Write(request); err != nil {
		return false, fmt.Errorf("sending a request: %w", err)
	}
	have := 0
	for {
		n, err := c.Read(buffer[have:])
		if err != nil {
			return false, fmt.Errorf("reading an answer's head: %w", err)
		}
		have += n
		whole, err := answerLength(buffer[:have])
		if err != nil {
			return false, err
		}
		if whole > 0 {
			keep = !bytes.Contains(buffer[:have], ending)
			return keep, skip(c, buffer, whole-have)
		}
		if have == len(buffer) {
			return false, fmt.Errorf("an answer's head is longer than %d bytes", have)
		}
	}
}

// skip reads n bytes and forgets them.
func skip(c net.Conn, buffer []byte, n int) error {
	for n > 0 {
		got, err := c.Read(buffer[:min(n, len(buffer))])
		if err != nil {
			return fmt.Errorf("reading an answer's body: %w", err)
		}
		n -= got
	}
	if n < 0 {
		return fmt.Errorf("%d bytes more than the answer has", -n)
	}
	return nil
}

// answerLength is how long the answer that begins data is, head and body; 0 as long as the head is not whole.
func answerLength(data []byte) (int, error) {
	end := bytes.Index(data, headEnd)
	if end < 0 {
		return 0, nil
	}
	head := data[:end+2]
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 200 ")) {
		return 0, fmt.Errorf("the answer is %q", bytes.SplitN(head, []byte("\r\n"), 2)[0])
	}
	for line := head; len(line) > 0; {
		next := bytes.IndexByte(line, '\n') + 1
		if len(line) >= len(length) && bytes.EqualFold(line[:len(length)], length) {
			n, err := strconv.Atoi(string(bytes.TrimSpace(line[len(length):next])))
			if err != nil {
				return 0, fmt.Errorf("reading an answer's length: %w", err)
			}
			return end + len(headEnd) + n, nil
		}
		line = line[next:]
	}
	return 0, fmt.Errorf("an answer without a length: %w", io.ErrUnexpectedEOF)
}
