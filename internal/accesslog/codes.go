package accesslog

import "math/bits"

// The codes that chunks of log lines are packed with (RFC 1951, "deflate"): made once, for text
// that is like log lines, rather than for each chunk.

// word is up to 32 bits, the first one lowest, as deflate packs them.
type word struct {
	bits uint32
	n    uint8
}

const (
	endOfBlock = 256
	shortest   = 3   // repetition that deflate can tell
	longest    = 258 // likewise
	maxBits    = 15  // of a code
)

var (
	literals    [286]word         // of the 256 bytes, the end, and the classes of lengths
	distances   [30]word          // of the classes of distances
	lengths     [longest + 1]word // of lengths, with what tells them within their class
	blockHeader []word            // what a block with these codes begins with
)

// lengthBase is the least length of each class, lengthExtra how many bits tell which of the class (section 3.2.5).
var (
	lengthBase  = [...]int{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthExtra = [...]uint8{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
)

func init() {
	sizes := codeSizes(literalWeights())
	assign(literals[:], sizes)
	distanceSizes := codeSizes(distanceWeights())
	assign(distances[:], distanceSizes)
	for n, class := shortest, 0; n <= longest; n++ {
		if class+1 < len(lengthBase) && lengthBase[class+1] == n {
			class++
		}
		w := literals[endOfBlock+1+class]
		lengths[n] = word{w.bits | uint32(n-lengthBase[class])<<w.n, w.n + lengthExtra[class]}
	}
	blockHeader = header(append(sizes, distanceSizes...))
}

// distance gives the word for a distance of 1 to 32768.
func distance(back int) word {
	d := uint32(back - 1)
	if d < 4 {
		return distances[d]
	}
	extra := bits.Len32(d) - 2
	w := distances[uint32(2*extra)+d>>extra]
	return word{w.bits | (d&(1<<extra-1))<<w.n, w.n + uint8(extra)}
}

// literalWeights is how often each literal and length comes, about: what differs from line to line are
// times, ports, ids in hexadecimal and the sizes of bodies.
func literalWeights() []int {
	weights := make([]int, len(literals))
	for i := range weights {
		switch c := rune(i); {
		case i >= '0' && i <= '9':
			weights[i] = 80
		case i >= 'a' && i <= 'f':
			weights[i] = 50
		case i > endOfBlock:
			weights[i] = 8
		case i >= 'g' && i <= 'z', c == ' ', c == '.', c == ':', c == '/', c == '-', c == '"':
			weights[i] = 6
		case i > ' ' && i < 0x7f:
			weights[i] = 2
		default:
			weights[i] = 1
		}
	}
	return weights
}

// distanceWeights: most distances are the length of a line, some hundred bytes.
func distanceWeights() []int {
	weights := make([]int, len(distances))
	for i := range weights {
		weights[i] = 1
		if i >= 16 && i <= 19 { // 257 to 1024
			weights[i] = 100
		}
	}
	return weights
}

// codeSizes gives the bits of each symbol's code, by its weight (Huffman, 1952). The
// weights here make no code longer than deflate allows.
func codeSizes(weights []int) []uint8 {
	type tree struct {
		weight  int
		symbols []int
	}
	var trees []tree
	for symbol, weight := range weights {
		trees = append(trees, tree{weight, []int{symbol}})
	}
	sizes := make([]uint8, len(weights))
	for len(trees) > 1 {
		var least [2]tree
		for i := range least {
			at := 0
			for j := range trees {
				if trees[j].weight < trees[at].weight {
					at = j
				}
			}
			least[i] = trees[at]
			trees = append(trees[:at], trees[at+1:]...)
		}
		joined := tree{least[0].weight + least[1].weight, append(append([]int{}, least[0].symbols...), least[1].symbols...)}
		for _, symbol := range joined.symbols {
			sizes[symbol]++
		}
		trees = append(trees, joined)
	}
	return sizes
}

// assign gives each symbol the code that follows from all sizes (section 3.2.2).
func assign(codes []word, sizes []uint8) {
	code := uint16(0)
	for size := uint8(1); size <= maxBits; size++ {
		for symbol, s := range sizes {
			if s == size {
				codes[symbol] = word{uint32(bits.Reverse16(code) >> (16 - size)), size}
				code++
			}
		}
		code <<= 1
	}
}

// header tells the sizes of the codes (section 3.2.7): each in four bits, which are its own code.
func header(sizes []uint8) []word {
	words := []word{
		{1, 1}, {2, 2}, // the last block, with codes of its own
		{uint32(len(literals) - 257), 5}, {uint32(len(distances) - 1), 5},
		{19 - 4, 4}, // sizes of the codes of sizes, in the order 16, 17, 18, 0, 8, 7, ...
		{0, 3}, {0, 3}, {0, 3},
	}
	for range 16 {
		words = append(words, word{4, 3})
	}
	for _, size := range sizes {
		words = append(words, word{uint32(bits.Reverse8(size) >> 4), 4})
	}
	return words
}
