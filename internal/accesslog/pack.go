package accesslog

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math/bits"
)

// packer makes a gzip member (RFC 1952) of each chunk of lines. It is no general
// compressor: it knows that a line is like the one before it, word for word, and looks
// for repetitions nowhere else; and that what differs is digits mostly, so that one set
// of codes fits every chunk. A general compressor's fastest level looks everywhere and
// makes codes for each chunk, which was a twelfth of all that a request cost. This way a
// request costs 3% less in all (medians of 15 rounds, HTTP/1.1 and HTTP/2). The price is
// files larger by half: a line of 490 bytes takes 65 in place of 44.
type packer struct {
	out  []byte
	n    int    // bytes in out
	acc  uint64 // bits on their way to out, the first one lowest
	accN uint   // how many, less than 8 between two calls
}

func newPacker() *packer { return new(packer) }

const (
	gzipHeader  = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff" // deflate, no name, no time, fastest, any system
	gzipTrailer = 8
	// No code is longer than 15 bits, so no text grows to more than twice its size; the
	// header takes under 200 bytes, and a put writes eight, of which not all count.
	packSlack = len(gzipHeader) + gzipTrailer + 512
	// leastMatch is the shortest repetition worth telling: it takes about as many bits as five digits.
	leastMatch = 5
	// farthest is how far back a repetition may lie.
	farthest = 32 << 10
)

// pack gives text, which are whole lines, as one gzip member, valid until the next call.
func (p *packer) pack(text []byte) []byte {
	if need := 2*len(text) + packSlack; cap(p.out) < need {
		p.out = make([]byte, need)
	}
	p.out = p.out[:cap(p.out)]
	p.n, p.acc, p.accN = copy(p.out, gzipHeader), 0, 0
	for _, w := range blockHeader {
		p.put(uint64(w.bits), w.n)
	}
	before, at := 0, 0
	for at < len(text) {
		end := at + bytes.IndexByte(text[at:], '\n') + 1
		if end == at { // a line without an end
			end = len(text)
		}
		p.line(text, at, end, before)
		before, at = at, end
	}
	p.put(uint64(literals[endOfBlock].bits), literals[endOfBlock].n)
	p.put(0, 7) // to the next whole byte
	out := binary.LittleEndian.AppendUint32(p.out[:p.n], crc32.ChecksumIEEE(text))
	return binary.LittleEndian.AppendUint32(out, uint32(len(text)))
}

// put appends up to 48 bits.
func (p *packer) put(b uint64, n uint8) {
	p.acc |= b << p.accN
	p.accN += uint(n)
	binary.LittleEndian.PutUint64(p.out[p.n:], p.acc)
	whole := p.accN >> 3
	p.n += int(whole)
	p.acc >>= whole << 3
	p.accN &= 7
}

// line packs text[at:end] by what it has in common with the line before it,
// text[before:at]. Where the two part, they mostly meet again at the next space; where
// they do not (a User-Agent has more words than the last one), at the next quote.
func (p *packer) line(text []byte, at, end, before int) {
	told, until := at, at // what has been packed; where the line before ends
	for misses := 0; ; misses++ {
		if n := common(text[at:end], text[before:until]); n >= leastMatch && at-before <= farthest {
			p.literals(text[told:at])
			p.repeat(n, at-before)
			told, at, before, misses = at+n, at+n, before+n, 0
		} else {
			at, before = at+n, before+n
		}
		to := byte(' ')
		if misses > 2 {
			to = '"'
		}
		skip, skipBefore := bytes.IndexByte(text[at:end], to), bytes.IndexByte(text[before:until], to)
		if skip < 0 || skipBefore < 0 {
			break
		}
		at, before = at+skip, before+skipBefore
	}
	p.literals(text[told:end])
}

// common tells how many bytes a and b have in common from the start.
func common(a, b []byte) int {
	most := min(len(a), len(b))
	a, b = a[:most], b[:most]
	n := 0
	for ; n+8 <= most; n += 8 {
		if x := binary.LittleEndian.Uint64(a[n:]) ^ binary.LittleEndian.Uint64(b[n:]); x != 0 {
			return n + bits.TrailingZeros64(x)/8
		}
	}
	for n < most && a[n] == b[n] {
		n++
	}
	return n
}

// literals packs bytes as they are, three at a time.
func (p *packer) literals(s []byte) {
	for ; len(s) >= 3; s = s[3:] {
		a, b, c := literals[s[0]], literals[s[1]], literals[s[2]]
		p.put(uint64(a.bits)|uint64(b.bits)<<a.n|uint64(c.bits)<<(a.n+b.n), a.n+b.n+c.n)
	}
	for _, c := range s {
		p.put(uint64(literals[c].bits), literals[c].n)
	}
}

// repeat packs n bytes as those that lie back bytes before.
func (p *packer) repeat(n, back int) {
	d := distance(back)
	for n > 0 {
		m := min(n, longest)
		if left := n - m; left > 0 && left < shortest {
			m -= shortest
		}
		l := lengths[m]
		p.put(uint64(l.bits)|uint64(d.bits)<<l.n, l.n+d.n)
		n -= m
	}
}
