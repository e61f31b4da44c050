package accesslog

import (
	"cmp"
	"math/bits"
	"slices"
)

// The alphabets of a compressed block (RFC 1951, section 3.2.5).
const (
	endOfBlock  = 256
	firstLength = 257
	literals    = 286 // literals, the end of the block and lengths
	distances   = 30
	maxCodeBits = 15
	minMatch    = 3 // of the format; ours are longer
	maxMatch    = 258
)

// bitCode is a Huffman code as it goes on the wire, first bit lowest; for a length
// with its extra bits behind it.
type bitCode struct {
	bits uint64
	n    uint8
}

// codes is one pair of Huffman codes, ready for use.
type codes struct {
	literal  [256]bitCode
	end      bitCode
	length   [maxMatch + 1]bitCode // by length of the match
	symbol   [maxMatch + 1]uint16  // the length's
	distance [32]bitCode           // without extra bits; the last two are never used

	literalBits  [literals]uint8 // lengths of the codes, for the block's header
	distanceBits [distances]uint8
	fixed        bool // those of RFC 1951, section 3.2.6: no header needed
}

// lengthSymbol gives the symbol of a match's length, its number of extra bits and what they say.
func lengthSymbol(length int) (symbol int, n uint8, extra uint32) {
	l := length - minMatch
	switch {
	case length == maxMatch:
		return 285, 0, 0
	case l < 8:
		return firstLength + l, 0, 0
	}
	n = uint8(bits.Len(uint(l)) - 3)
	return firstLength + 4*int(n) + l>>n, n, uint32(l) & (1<<n - 1)
}

// distanceSymbol does the same for a match's distance, 1-32768.
func distanceSymbol(distance uint32) (symbol uint32, n uint8, extra uint32) {
	d := distance - 1
	if d < 4 {
		return d, 0, 0
	}
	n = uint8(bits.Len32(d) - 2)
	return 2*uint32(n) + d>>n, n, d & (1<<n - 1)
}

// set makes codes of these lengths.
func (c *codes) set(literalBits [literals]uint8, distanceBits [distances]uint8) {
	c.literalBits, c.distanceBits = literalBits, distanceBits
	var all [literals + 2]bitCode
	// The fixed code counts two symbols that never occur (RFC 1951, section 3.2.6).
	lengths := append(literalBits[:], 8, 8)
	if !c.fixed {
		lengths = lengths[:literals]
	}
	canonical(lengths, all[:])
	canonical(distanceBits[:], c.distance[:])
	copy(c.literal[:], all[:])
	c.end = all[endOfBlock]
	for length := minMatch; length <= maxMatch; length++ {
		symbol, n, extra := lengthSymbol(length)
		code := all[symbol]
		c.symbol[length] = uint16(symbol)
		c.length[length] = bitCode{code.bits | uint64(extra)<<code.n, code.n + n}
	}
}

// fixedCodes are those that a decoder knows already.
func fixedCodes() *codes {
	var literalBits [literals]uint8
	var distanceBits [distances]uint8
	for i := range literalBits {
		switch {
		case i < 144:
			literalBits[i] = 8
		case i < 256:
			literalBits[i] = 9
		case i < 280:
			literalBits[i] = 7
		default:
			literalBits[i] = 8
		}
	}
	for i := range distanceBits {
		distanceBits[i] = 5
	}
	c := &codes{fixed: true}
	c.set(literalBits, distanceBits)
	return c
}

// canonical numbers the codes of the given lengths, none of them 0 (RFC 1951, section 3.2.2).
func canonical(lengths []uint8, into []bitCode) {
	var count, next [maxCodeBits + 1]uint32
	for _, n := range lengths {
		count[n]++
	}
	for n := 2; n <= maxCodeBits; n++ {
		next[n] = (next[n-1] + count[n-1]) << 1
	}
	for symbol, n := range lengths {
		into[symbol] = bitCode{uint64(bits.Reverse32(next[n]) >> (32 - n)), n}
		next[n]++
	}
}

// huffman gives code lengths for symbols that occur so often. Each count has to be at
// least 1. Where the best code is longer than the format allows, the counts are
// flattened until it is not.
func huffman(counts []uint32, lengths []uint8) {
	counts = slices.Clone(counts)
	for !huffmanOnce(counts, lengths) {
		for i := range counts {
			counts[i] = counts[i]>>1 | 1
		}
	}
}

// huffmanOnce builds the tree with two queues: the leaves by count, and the inner
// nodes, which come into being in the order of theirs.
func huffmanOnce(counts []uint32, lengths []uint8) bool {
	n := len(counts)
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(counts[a], counts[b]) })
	weight := make([]uint32, 0, n) // of inner nodes
	parent := make([]int, 2*n-1)   // of leaves in their order, then of inner nodes
	leaf, inner := 0, 0
	least := func() (node int, w uint32) {
		if leaf < n && (inner == len(weight) || counts[order[leaf]] <= weight[inner]) {
			leaf++
			return leaf - 1, counts[order[leaf-1]]
		}
		inner++
		return n + inner - 1, weight[inner-1]
	}
	for len(weight) < n-1 {
		a, wa := least()
		b, wb := least()
		parent[a], parent[b] = n+len(weight), n+len(weight)
		weight = append(weight, wa+wb)
	}
	depth := make([]uint8, 2*n-1)
	for node := 2*n - 3; node >= 0; node-- { // the root, the last, has depth 0
		depth[node] = depth[parent[node]] + 1
	}
	for i, symbol := range order {
		if depth[i] > maxCodeBits {
			return false
		}
		lengths[symbol] = depth[i]
	}
	return true
}
