package http2

import (
	"cmp"
	"errors"
)

// decoder decodes the header blocks of one direction (RFC 7541). Its errors are
// errors of the connection: COMPRESSION_ERROR.
type decoder struct {
	table   table
	bound   int    // what a block may come to; maxExpansion if 0
	scratch []byte // a name and a value while they are put together
}

// Flaws of a header block.
var (
	errTruncated  = errors.New("header block is cut off")
	errInteger    = errors.New("integer too large")
	errIndex      = errors.New("index outside of the tables")
	errTableSize  = errors.New("table size update out of place or too large")
	errBlockBound = errors.New("header block expands too much")
)

const (
	// keptScratch is how much memory of its own a decoder or encoder keeps between blocks.
	keptScratch = 2 << 10
	// maxExpansion is what one header block may come to before the connection is
	// ended. Up to it blocks are decoded although their request is refused, to keep
	// the tables in step.
	maxExpansion = 4 * headerListSize
)

// field is one decoded field. Its bytes live until the next is decoded.
type decodedField struct {
	name, value []byte
	id          nameID
	valid       bool
}

// decode decodes a whole header block into h.
func (d *decoder) decode(block []byte, h *Header) error {
	if cap(d.scratch) > keptScratch {
		d.scratch = nil
	}
	first, total := true, 0
	for len(block) > 0 {
		if block[0]&0xe0 == 0x20 { // 001: dynamic table size update
			size, rest, err := readInteger(block, 5)
			if err != nil || !first || size > tableSize {
				return errTableSize
			}
			d.table.resize(size)
			block = rest
			continue
		}
		first = false
		f, rest, err := d.field(block)
		if err != nil {
			return err
		}
		block = rest
		if total += len(f.name) + len(f.value) + entryOverhead; total > cmp.Or(d.bound, maxExpansion) {
			return errBlockBound
		}
		h.add(&f)
	}
	return nil
}

// field decodes the field representation at the beginning of block.
func (d *decoder) field(block []byte) (f decodedField, rest []byte, err error) {
	b := block[0]
	prefix := uint(4) // 0000 without indexing, 0001 never indexed
	switch {
	case b&0x80 != 0: // 1: indexed
		i, rest, err := readInteger(block, 7)
		if err != nil {
			return f, nil, err
		}
		f, err = d.indexed(i)
		return f, rest, err
	case b&0x40 != 0: // 01: with incremental indexing
		prefix = 6
	}
	i, rest, err := readInteger(block, prefix)
	if err != nil {
		return f, nil, err
	}
	d.scratch = d.scratch[:0]
	if i > 0 {
		f, err = d.indexed(i)
		if err == nil { // a name in the table may move when the field is added
			d.scratch = append(d.scratch, f.name...)
		}
		f.valid = err == nil && validName(d.scratch)
	} else {
		d.scratch, rest, err = appendString(d.scratch, rest)
		f.id, f.valid = lookupName(d.scratch), validName(d.scratch)
	}
	if err != nil {
		return f, nil, err
	}
	n := len(d.scratch)
	if d.scratch, rest, err = appendString(d.scratch, rest); err != nil {
		return f, nil, err
	}
	f.name, f.value = d.scratch[:n], d.scratch[n:]
	f.valid = f.valid && validValue(f.value)
	if prefix == 6 {
		d.table.add(f.name, f.value, f.id, f.valid, 0)
	}
	return f, rest, nil
}

// indexed gives the field with an index of both tables together (RFC 7541 section 2.3.3).
func (d *decoder) indexed(i int) (f decodedField, err error) {
	switch {
	case i == 0 || i > len(staticFields)+d.table.len():
		return f, errIndex
	case i <= len(staticFields):
		s := &staticText[i-1]
		return decodedField{s.name, s.value, s.id, true}, nil
	}
	e := d.table.at(i - len(staticFields))
	return decodedField{d.table.name(e), d.table.value(e), e.id, e.valid}, nil
}

// staticText is the static table as bytes.
var staticText = func() (t [len(staticFields)]struct {
	name, value []byte
	id          nameID
}) {
	for i, f := range staticFields {
		t[i].name, t[i].value = []byte(f.name), []byte(f.value)
		t[i].id = lookupName(t[i].name)
	}
	return t
}()

// readInteger reads an integer with a prefix of n bits (RFC 7541 section 5.1).
// None that we need is over 2^28.
func readInteger(b []byte, n uint) (v int, rest []byte, err error) {
	if len(b) == 0 {
		return 0, nil, errTruncated
	}
	v = int(b[0]) & (1<<n - 1)
	b = b[1:]
	if v < 1<<n-1 {
		return v, b, nil
	}
	for shift := 0; ; shift += 7 {
		switch {
		case len(b) == 0:
			return 0, nil, errTruncated
		case shift > 21:
			return 0, nil, errInteger
		}
		c := b[0]
		b = b[1:]
		v += int(c&0x7f) << shift
		if c < 0x80 {
			return v, b, nil
		}
	}
}

// appendString appends a string literal (RFC 7541 section 5.2), decoded.
func appendString(dst, b []byte) (_, rest []byte, err error) {
	huffman := len(b) > 0 && b[0]&0x80 != 0
	n, b, err := readInteger(b, 7)
	switch {
	case err != nil:
		return dst, nil, err
	case n > len(b):
		return dst, nil, errTruncated
	case huffman:
		dst, err = appendHuffmanDecoded(dst, b[:n])
	default:
		dst = append(dst, b[:n]...)
	}
	return dst, b[n:], err
}
