package flow

import (
	"encoding/binary"
	"fmt"
	"hash/crc64"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"

	"github.com/albatross-lb/albatross/lb"
)

// part is what one side of a conversation says: so many random bytes, in random pieces.
type part struct{ seed, size uint64 }

// say writes the part and ends that side.
func (p part) say(c *net.TCPConn) error {
	random := rand.NewChaCha8([32]byte{byte(p.seed), byte(p.seed >> 8)})
	sizes := rand.New(rand.NewPCG(p.seed, 0))
	buf := make([]byte, 64<<10)
	for left := p.size; left > 0; {
		piece := buf[:min(left, 1+sizes.Uint64N(1<<(1+sizes.UintN(16))))]
		random.Read(piece)
		if _, err := c.Write(piece); err != nil {
			return fmt.Errorf("with %d of %d bytes left to say: %w", left, p.size, err)
		}
		left -= uint64(len(piece))
	}
	return c.CloseWrite()
}

// hear reads the part to its end, in random pieces.
func (p part) hear(c *net.TCPConn) error {
	want, got := crc64.New(crc64.MakeTable(crc64.ECMA)), crc64.New(crc64.MakeTable(crc64.ECMA))
	io.CopyN(want, rand.NewChaCha8([32]byte{byte(p.seed), byte(p.seed >> 8)}), int64(p.size))
	sizes := rand.New(rand.NewPCG(p.seed, 1))
	buf := make([]byte, 64<<10)
	var heard uint64
	for {
		n, err := c.Read(buf[:1+sizes.UintN(1<<(1+sizes.UintN(16)))%uint(len(buf))])
		got.Write(buf[:n])
		heard += uint64(n)
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("after %d of %d bytes: %w", heard, p.size, err)
		}
	}
	if heard != p.size || got.Sum64() != want.Sum64() {
		return fmt.Errorf("%d bytes were heard, and %d were said; the same: %v", heard, p.size, got.Sum64() == want.Sum64())
	}
	return nil
}

// converse says one part and hears the other, both at once or one after the other.
func converse(c *net.TCPConn, says, hears part, order uint64) error {
	if order == 1 {
		if err := hears.hear(c); err != nil {
			return err
		}
		return says.say(c)
	}
	said := make(chan error, 1)
	go func() { said <- says.say(c) }()
	if order == 2 {
		if err := <-said; err != nil {
			return err
		}
		said <- nil
	}
	if err := hears.hear(c); err != nil {
		return err
	}
	return <-said
}

// Conversations of all sizes and orders come through, many at a time, byte for byte. Both
// sides know what is to be said from the eight bytes that each begins with.
func TestConversations(t *testing.T) {
	parts := func(number uint64) (up, down part, order uint64) {
		random := rand.New(rand.NewPCG(number, 7))
		size := func() uint64 { return random.Uint64N(1 << random.UintN(21)) }
		return part{2 * number, size()}, part{2*number + 1, size()}, random.Uint64N(3)
	}
	w := newWorld(t, config(lb.TCP, serve(t, func(c *net.TCPConn) {
		var number [8]byte
		if _, err := io.ReadFull(c, number[:]); err != nil {
			t.Error(err)
			return
		}
		up, down, order := parts(binary.BigEndian.Uint64(number[:]))
		if order == 1 { // the client waits for us
			order = 2
		} else if order == 2 {
			order = 1
		}
		if err := converse(c, down, up, order); err != nil {
			t.Errorf("target of %d: %v", binary.BigEndian.Uint64(number[:]), err)
		}
	})), Options{})
	const conversations, atOnce = 300, 30
	var clients sync.WaitGroup
	total := uint64(0)
	for i := range uint64(atOnce) {
		for number := i; number < conversations; number += atOnce {
			up, down, _ := parts(number)
			total += 8 + up.size + down.size
		}
		clients.Go(func() {
			for number := i; number < conversations; number += atOnce {
				up, down, order := parts(number)
				c := w.dial()
				c.Write(binary.BigEndian.AppendUint64(nil, number))
				if err := converse(c, up, down, order); err != nil {
					t.Errorf("client of %d: %v", number, err)
				}
				c.Close()
			}
		})
	}
	clients.Wait()
	w.awaitFigure("active_flow_count", 0)
	w.awaitFigure("processed_bytes_tcp_total", int(total))
}
