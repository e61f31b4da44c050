package http2

import (
	"errors"
	"strings"

	"golang.org/x/net/http2/hpack"
)

// The Huffman code of RFC 7541 appendix B, taken from package hpack once. It is
// canonical: codes of one length are consecutive numbers in the order of their
// symbols, so that a code's place among those of its length gives the symbol.

// huffmanCode is the code of one symbol: bits of it, at the low end of code.
type huffmanCode struct {
	code uint32
	bits uint8
}

// fastBits is how many bits are looked up at once. Nearly all of what stands in
// headers has codes of at most 8 bits.
const fastBits = 10

// fastSymbol is the symbol whose code a run of fastBits begins with; bits is 0
// where the code is longer.
type fastSymbol struct {
	symbol, bits uint8
}

var (
	huffmanCodes [256]huffmanCode
	huffmanFast  [1 << fastBits]fastSymbol
	huffmanLong  [31]struct { // by length
		first   uint32
		symbols []byte
	}
)

func init() {
	for i := range huffmanCodes {
		symbol := string([]byte{byte(i)})
		bits := hpack.HuffmanEncodeLength(strings.Repeat(symbol, 8)) // in bytes: eight codes of so many bits
		var code uint32
		for _, b := range append(hpack.AppendHuffmanString(nil, symbol), 0, 0, 0)[:4] {
			code = code<<8 | uint32(b)
		}
		huffmanCodes[i] = huffmanCode{code >> (32 - bits), uint8(bits)}
	}
	for i, c := range huffmanCodes {
		if c.bits <= fastBits {
			rest := fastBits - c.bits
			for j := range 1 << rest {
				huffmanFast[int(c.code)<<rest|j] = fastSymbol{byte(i), c.bits}
			}
			continue
		}
		long := &huffmanLong[c.bits]
		if len(long.symbols) == 0 {
			long.first = c.code
		}
		long.symbols = append(long.symbols, byte(i))
	}
}

var errHuffman = errors.New("invalid Huffman code")

// appendHuffmanDecoded appends the text that src encodes.
func appendHuffmanDecoded(dst, src []byte) ([]byte, error) {
	var acc uint64 // its low n bits are still to be decoded
	n := 0
	for {
		for n <= 56 && len(src) > 0 {
			acc = acc<<8 | uint64(src[0])
			n += 8
			src = src[1:]
		}
		var next uint64
		if n >= fastBits {
			next = acc >> (n - fastBits)
		} else {
			next = acc<<(fastBits-n) | (1<<(fastBits-n) - 1)
		}
		fast := huffmanFast[next&(1<<fastBits-1)]
		if fast.bits != 0 && int(fast.bits) <= n {
			dst = append(dst, fast.symbol)
			n -= int(fast.bits)
			continue
		}
		symbol, bits := longSymbol(acc, n)
		if bits == 0 {
			break
		}
		dst = append(dst, symbol)
		n -= bits
	}
	// Less than a byte may be left, the beginning of the code of all ones.
	if n > 7 || acc&(1<<n-1) != 1<<n-1 {
		return dst, errHuffman
	}
	return dst, nil
}

// longSymbol finds the symbol whose code, of more than fastBits, begins the n low
// bits of acc; bits is 0 if there is none.
func longSymbol(acc uint64, n int) (symbol byte, bits int) {
	for bits = fastBits + 1; bits <= min(n, 30); bits++ {
		long := &huffmanLong[bits]
		place := uint32(acc>>(n-bits))&(1<<bits-1) - long.first
		if place < uint32(len(long.symbols)) {
			return long.symbols[place], bits
		}
	}
	return 0, 0
}

// huffmanLength gives how many bytes the Huffman encoding of text takes.
func huffmanLength(text []byte) int {
	bits := 0
	for _, c := range text {
		bits += int(huffmanCodes[c].bits)
	}
	return (bits + 7) / 8
}

// appendHuffman appends the Huffman encoding of text.
func appendHuffman(dst, text []byte) []byte {
	var acc uint64
	n := uint(0)
	for _, c := range text {
		h := huffmanCodes[c]
		acc = acc<<h.bits | uint64(h.code)
		n += uint(h.bits)
		for n >= 8 {
			n -= 8
			dst = append(dst, byte(acc>>n))
		}
	}
	if n > 0 {
		dst = append(dst, byte(acc<<(8-n))|byte(1<<(8-n)-1))
	}
	return dst
}
