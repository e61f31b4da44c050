package flow

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/netip"
	"testing"

	"github.com/albatross-lb/albatross/lb"
)

// proxied is what a target reads from a header of the PROXY protocol, version 2. It is
// written from the specification alone, apart from the code that writes headers.
type proxied struct {
	command, over byte
	from, to      netip.AddrPort
}

func readProxyHeader(r io.Reader) (p proxied, err error) {
	head := make([]byte, 16)
	if _, err := io.ReadFull(r, head); err != nil {
		return p, err
	}
	if !bytes.Equal(head[:12], []byte{0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A}) || head[12]>>4 != 2 {
		return p, fmt.Errorf("no header: %x", head)
	}
	p.command, p.over = head[12]&15, head[13]&15
	rest := make([]byte, binary.BigEndian.Uint16(head[14:]))
	if _, err := io.ReadFull(r, rest); err != nil {
		return p, err
	}
	size := map[byte]int{1: 4, 2: 16}[head[13]>>4]
	if size == 0 || len(rest) < 2*size+4 {
		return p, errors.New("no addresses")
	}
	from, _ := netip.AddrFromSlice(rest[:size])
	to, _ := netip.AddrFromSlice(rest[size : 2*size])
	ports := rest[2*size:]
	p.from = netip.AddrPortFrom(from, binary.BigEndian.Uint16(ports))
	p.to = netip.AddrPortFrom(to, binary.BigEndian.Uint16(ports[2:]))
	return p, checkTLVs(append(head, rest...), 16+2*size+4)
}

// checkTLVs insists on whole TLVs and on a checksum that is right.
func checkTLVs(all []byte, at int) error {
	summed := false
	for at < len(all) {
		if len(all)-at < 3 || len(all)-at-3 < int(binary.BigEndian.Uint16(all[at+1:])) {
			return errors.New("a TLV is cut off")
		}
		length := int(binary.BigEndian.Uint16(all[at+1:]))
		if all[at] == 3 && length == 4 {
			sum := binary.BigEndian.Uint32(all[at+3:])
			clear(all[at+3 : at+7])
			if sum != crc32.Checksum(all, crc32.MakeTable(crc32.Castagnoli)) {
				return errors.New("the checksum is wrong")
			}
			summed = true
		}
		at += 3 + length
	}
	if !summed {
		return errors.New("no checksum")
	}
	return nil
}

func TestProxyHeader(t *testing.T) {
	for _, test := range []struct {
		client, local, from, to string
		family                  byte
	}{
		{"192.0.2.1:1234", "192.0.2.2:80", "192.0.2.1:1234", "192.0.2.2:80", 0x11},
		{"[2001:db8::1]:1", "[2001:db8::2]:65535", "[2001:db8::1]:1", "[2001:db8::2]:65535", 0x21},
		{"[::ffff:192.0.2.1]:1234", "192.0.2.2:80", "192.0.2.1:1234", "192.0.2.2:80", 0x11},
		{"192.0.2.1:1234", "[2001:db8::2]:80", "[::ffff:192.0.2.1]:1234", "[2001:db8::2]:80", 0x21},
	} {
		header := appendProxyHeader([]byte("before"), overStream, netip.MustParseAddrPort(test.client), netip.MustParseAddrPort(test.local))[6:]
		p, err := readProxyHeader(bytes.NewReader(header))
		if err != nil || p.from.String() != test.from || p.to.String() != test.to || p.command != 1 || header[13] != test.family || len(header) > maxProxyHeader {
			t.Errorf("%s -> %s: %+v, %v in %x", test.client, test.local, p, err, header)
		}
	}
}

func FuzzProxyHeader(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4}, []byte{5, 6, 7, 8}, uint16(1), uint16(2), true)
	f.Add(make([]byte, 16), []byte{5, 6, 7, 8}, uint16(65535), uint16(0), false)
	f.Fuzz(func(t *testing.T, client, local []byte, port1, port2 uint16, stream bool) {
		from, ok1 := netip.AddrFromSlice(client)
		to, ok2 := netip.AddrFromSlice(local)
		if !ok1 || !ok2 {
			return
		}
		over := byte(overDatagram)
		if stream {
			over = overStream
		}
		header := appendProxyHeader(nil, over, netip.AddrPortFrom(from, port1), netip.AddrPortFrom(to, port2))
		p, err := readProxyHeader(bytes.NewReader(header))
		if err != nil || p.from.Port() != port1 || p.to.Port() != port2 || p.from.Addr().Unmap() != from.Unmap() || p.to.Addr().Unmap() != to.Unmap() || p.over != over {
			t.Errorf("%v -> %v: %+v, %v", from, to, p, err)
		}
	})
}

// The header comes before the client's first byte, and also where the client says nothing.
func TestTargetsLearnTheClient(t *testing.T) {
	heard := make(chan proxied, 1)
	target := serve(t, func(c *net.TCPConn) {
		p, err := readProxyHeader(c)
		if err != nil {
			t.Error(err)
		}
		heard <- p
		io.Copy(c, c)
	})
	w := newWorld(t, with(config(lb.TCP, target), "proxy_protocol_v2.enabled", "true"), Options{})
	c := w.dial()
	p := <-heard
	if p.from.String() != c.LocalAddr().String() || p.to.String() != c.RemoteAddr().String() || p.over != overStream {
		t.Errorf("%+v, want from %v to %v", p, c.LocalAddr(), c.RemoteAddr())
	}
	echoed(t, c)
}

// A target sees its client's own address where host and group allow it.
func TestClientAddressIsKept(t *testing.T) {
	if err := CanPreserve(); err != nil {
		t.Skip(err)
	}
	heard := make(chan string, 1)
	target := serve(t, func(c *net.TCPConn) { heard <- c.RemoteAddr().String() })
	w := newWorld(t, with(config(lb.TCP, target), "preserve_client_ip.enabled", "true"), Options{Transparent: true})
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 77)}, Timeout: patience}
	c, err := d.Dial("tcp", w.set.Address(80))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	host, _, err := net.SplitHostPort(<-heard)
	if host != "127.0.0.77" || err != nil {
		t.Errorf("the target sees %s, %v", host, err)
	}
}
