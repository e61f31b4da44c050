package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

func TestAnswers(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	go serve(server)
	in := bufio.NewReader(client)
	for _, c := range []struct {
		request string
		length  int64
	}{
		{"GET / HTTP/1.1\r\n\r\n", 20},
		{"GET /stream/mib HTTP/1.1\r\nHost: a\r\n\r\n", 1 << 20},
		{"POST /mib HTTP/1.1\r\ncontent-length: 300000\r\n\r\n" + strings.Repeat("\r\n\r\n", 75000), 20},
		{"GET /mib?x HTTP/1.1\r\n\r\n", 20},
	} {
		go io.WriteString(client, c.request)
		r, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil || n != c.length || r.ContentLength != c.length {
			t.Errorf("%.30q: %d bytes, %v; want %d", c.request, n, err, c.length)
		}
	}
}
