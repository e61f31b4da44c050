package script

import (
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// datagramTarget starts a target that answers datagrams with its name and what they
// said; $NAME is then the port.
func datagramTarget(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: datagram-target NAME...")
	}
	for _, name := range args {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		ts.Check(err)
		ts.Defer(func() { c.Close() })
		_, port, err := net.SplitHostPort(c.LocalAddr().String())
		ts.Check(err)
		ts.Setenv(name, port)
		go func() {
			for buf := make([]byte, 2000); ; {
				n, from, err := c.ReadFrom(buf)
				if err != nil {
					return
				}
				c.WriteTo(append([]byte(name+": "), buf[:n]...), from)
			}
		}()
	}
}

// datagram sends one to the port behind an environment variable and prints the
// answer. It is sent again as long as none comes: datagrams get lost.
func datagram(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: datagram VARIABLE TEXT")
	}
	c, err := net.Dial("udp", "127.0.0.1:"+ts.Getenv(args[0]))
	ts.Check(err)
	defer c.Close()
	answer := make([]byte, 2000)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		c.Write([]byte(args[1]))
		c.SetReadDeadline(time.Now().Add(10 * beat))
		if n, err := c.Read(answer); err == nil {
			fmt.Fprintln(ts.Stdout(), strings.TrimSpace(string(answer[:n])))
			return
		}
		time.Sleep(beat)
	}
	ts.Fatalf("no answer to a datagram")
}
