package model

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// The shape of a forest. Every tree is laid out as a complete binary tree of Depth levels, whatever it was trained to be.
const (
	// Depth is how many questions each tree asks.
	Depth = 6
	// MaxInputs is how many features a forest may look at.
	MaxInputs = 32

	splits = 1<<Depth - 1
	leaves = 1 << Depth
)

// Split is one question of a tree: is the feature below the threshold? Yes goes left, no goes right, and a missing value (NaN) goes
// where it was found to fit best.
type Split struct {
	Feature      uint8
	MissingRight bool
	Threshold    float32
}

// Tree is a complete binary tree in heap order: the children of Splits[i] are at 2i+1 and 2i+2, and the leaves follow the last
// splits. A branch that ends early repeats its leaf below.
type Tree struct {
	Splits [splits]Split
	Leaves [leaves]float32
}

// Forest adds up trees.
//
// Six unpredictable branches a tree and two hundred trees would cost a processor most of ten microseconds in
// wrong guesses. So no branch is taken here: the child's place is computed from the comparison's result, and eight trees are
// walked in step, so that the loads of one overlap the others'. A missing value needs no branch either: every feature is there
// twice, once with missing values below and once above everything, and a split names the one it wants.
//
// What is left is memory: on a machine that does other work too, most of the time goes into fetching trees that were pushed out of
// the near caches. Trees grown on histograms compare a feature with a hundred thresholds or so, over and over. So each feature
// is looked up once among its thresholds, in order, and a split is two bytes: the feature and the place of its threshold. The
// forest is half as large for it, and answers as before to the last bit.
type Forest struct {
	base  float32
	cuts  [][]int32 // by feature; see rank
	trees [][inStep]laidOut
	used  int // trees; the last ones of trees may be empty
}

// inStep is how many trees are walked at once.
const inStep = 8

// laidOut is a tree as it is walked. Place 0 is not used, so that the children of i are 2i and 2i+1.
type laidOut struct {
	nodes  [leaves]node
	leaves [leaves]float32
}

// node goes left where the input is below.
type node struct{ input, below uint8 }

// inputs are the features' ranks: those with missing values below everything first, then, from MaxInputs on, those with missing
// values above everything. The rest is there because a byte can name it.
type inputs [256]uint8

// maxCuts is how many thresholds a feature may have, so that ranks fit a byte with one left above them all.
const maxCuts = 254

// above is the rank of a missing value that goes right.
const above = 255

// NewForest makes a forest over vectors of n features. The sum of the trees starts at base.
func NewForest(n int, base float32, trees []Tree) (*Forest, error) {
	if n < 1 || n > MaxInputs {
		return nil, fmt.Errorf("a forest over %d features: want 1 to %d", n, MaxInputs)
	}
	cuts, err := cutsOf(n, trees)
	if err != nil {
		return nil, err
	}
	f := &Forest{base: base, cuts: cuts, trees: make([][inStep]laidOut, (len(trees)+inStep-1)/inStep), used: len(trees)}
	for t := range trees {
		to := &f.trees[t/inStep][t%inStep]
		for i, s := range trees[t].Splits {
			at, _ := slices.BinarySearch(cuts[s.Feature], ordered(s.Threshold))
			to.nodes[i+1] = node{input: s.Feature, below: uint8(at + 1)}
			if s.MissingRight {
				to.nodes[i+1].input += MaxInputs
			}
		}
		to.leaves = trees[t].Leaves
	}
	return f, nil
}

// cutsOf gathers the thresholds of each feature, in order, and fills the lists up for rank.
func cutsOf(n int, trees []Tree) ([][]int32, error) {
	cuts := make([][]int32, n)
	for t := range trees {
		for _, s := range trees[t].Splits {
			if int(s.Feature) >= n {
				return nil, fmt.Errorf("tree %d asks for feature %d of %d", t, s.Feature, n)
			}
			if s.Threshold != s.Threshold {
				return nil, fmt.Errorf("tree %d has a threshold that is not a number", t)
			}
			cuts[s.Feature] = append(cuts[s.Feature], ordered(s.Threshold))
		}
	}
	for i, c := range cuts {
		slices.Sort(c)
		c = slices.Compact(c)
		if len(c) > maxCuts {
			return nil, fmt.Errorf("feature %d is compared with %d thresholds, want %d at most: train with fewer bins", i, len(c), maxCuts)
		}
		for full := 1<<bits.Len(uint(len(c))) - 1; len(c) < full; {
			c = append(c, math.MaxInt32)
		}
		cuts[i] = c
	}
	return cuts, nil
}

// Trees returns how many trees there are.
func (f *Forest) Trees() int { return f.used }

// ordered maps floats to whole numbers of the same order. Both zeros become 0.
func ordered(x float32) int32 {
	n := int32(math.Float32bits(x + 0)) // -0 + 0 is 0
	return n ^ (n>>31)&math.MaxInt32
}

// rank returns how many of the cuts are x or less, without a branch that depends on them. There have to be one less than a power
// of two.
func rank(cuts []int32, x int32) (n int) {
	for step := (len(cuts) + 1) / 2; step > 0; step /= 2 {
		less := (int64(cuts[n+step-1]) - int64(x) - 1) >> 63 // -1 or 0
		n += step & int(less)
	}
	return n
}

// Sum returns what the trees add up to for the vector, NaN standing for a missing value. It adds in the order of
// the trees and in single precision, as the trainer does, so the answers are the same to the last bit. It allocates nothing.
func (f *Forest) Sum(vector *[MaxInputs]float32) float32 {
	var in inputs
	for i, cuts := range f.cuts {
		x := vector[i]
		if x != x {
			in[MaxInputs+i] = above
			continue
		}
		r := uint8(rank(cuts, ordered(x)))
		in[i], in[MaxInputs+i] = r, r
	}
	sum := f.base
	for t := range f.trees {
		b := &f.trees[t]
		i, j, k, l, m, n, o, p := uint32(1), uint32(1), uint32(1), uint32(1), uint32(1), uint32(1), uint32(1), uint32(1)
		for range Depth {
			i = b[0].child(i, &in)
			j = b[1].child(j, &in)
			k = b[2].child(k, &in)
			l = b[3].child(l, &in)
			m = b[4].child(m, &in)
			n = b[5].child(n, &in)
			o = b[6].child(o, &in)
			p = b[7].child(p, &in)
		}
		// Out of the deepest level the places count from the number of leaves.
		sum += b[0].leaves[i%leaves]
		sum += b[1].leaves[j%leaves]
		sum += b[2].leaves[k%leaves]
		sum += b[3].leaves[l%leaves]
		sum += b[4].leaves[m%leaves]
		sum += b[5].leaves[n%leaves]
		sum += b[6].leaves[o%leaves]
		sum += b[7].leaves[p%leaves]
	}
	return sum
}

// child returns the place of the child of i that the inputs lead to.
func (t *laidOut) child(i uint32, in *inputs) uint32 {
	n := t.nodes[i%leaves]
	return 2*i + 1 - (uint32(in[n.input])-uint32(n.below))>>31
}
