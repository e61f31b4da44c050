package balance

import "sync/atomic"

// Split shares requests between the target groups of a forward by their weights.
type Split struct {
	ends   []uint64 // ends[i] is the sum of the weights up to and including i
	total  uint64
	stride uint64

	_    [64]byte
	turn atomic.Uint64
	_    [56]byte
}

// NewSplit takes the weights (0 to 999 on AWS; a negative one counts as 0).
func NewSplit(weights []int) *Split {
	s := &Split{}
	common := uint64(0)
	for _, w := range weights {
		common = gcd(common, uint64(max(w, 0)))
	}
	for _, w := range weights {
		if w > 0 {
			s.total += uint64(w) / common
		}
		s.ends = append(s.ends, s.total)
	}
	s.stride = evenStride(s.total)
	return s
}

// evenStride is a number without a common divisor with total whose multiples, modulo
// total, fill the range most evenly: near the golden section, the one whose continued
// fraction has the smallest largest term (Niederreiter 1992, section 3.2).
func evenStride(total uint64) uint64 {
	const goldenSection, around = 0.6180339887498949, 64
	best, least := uint64(1), ^uint64(0)
	for i := range uint64(around) {
		stride := uint64(float64(total)*goldenSection) + i
		if stride == 0 || stride >= total || gcd(stride, total) != 1 {
			continue
		}
		largest := uint64(0)
		for a, b := total, stride; b > 0; a, b = b, a%b {
			largest = max(largest, a/b)
		}
		if largest < least {
			best, least = stride, largest
		}
	}
	return best
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// Choose gives an index into the weights, or -1 where all of them are zero (ALB answers
// 503 then). In every run of as many turns as the weights add up to, each index has exactly its
// share, evenly spread: the turns walk over that range in strides that share no
// divisor with it, near the golden section of it.
func (s *Split) Choose() int {
	if s.total == 0 {
		return -1
	}
	if len(s.ends) == 1 {
		return 0
	}
	return s.indexOf((s.turn.Add(1) - 1) % s.total * s.stride % s.total)
}

// At gives the index that a hash falls to, the same one each time: for clients that
// keep their target group. -1 where all weights are zero.
func (s *Split) At(hash uint64) int {
	if s.total == 0 {
		return -1
	}
	return s.indexOf(hash % s.total)
}

func (s *Split) indexOf(at uint64) int {
	for i, end := range s.ends {
		if at < end {
			return i
		}
	}
	return -1
}
