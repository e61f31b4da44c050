package model

import (
	"fmt"
	"math"
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
// wrong guesses. So no branch is taken here: the child's place is computed from the comparison's result, and four trees are
// walked in step, so that the loads of one overlap the others'. A missing value needs no branch either: every feature is there
// twice, once with missing values below and once above everything, and a split names the one it wants. Comparing
// floats as whole numbers of the same order makes the result a bit that can be added.
type Forest struct {
	inputs int
	base   float32
	trees  []laidOut // a multiple of four: the last ones may be empty
	used   int
}

// laidOut is a tree as it is walked. Place 0 is not used, so that the children of i are 2i and 2i+1.
type laidOut struct {
	nodes  [leaves]node
	leaves [leaves]float32
}

type node struct {
	threshold int32
	input     uint32 // a place in inputs
}

// inputs are the features in whole-number form: those with missing values below everything first, then those with missing
// values above everything.
type inputs [2 * MaxInputs]int32

// NewForest makes a forest over vectors of n features. The sum of the trees starts at base.
func NewForest(n int, base float32, trees []Tree) (*Forest, error) {
	if n < 1 || n > MaxInputs {
		return nil, fmt.Errorf("a forest over %d features: want 1 to %d", n, MaxInputs)
	}
	f := &Forest{inputs: n, base: base, trees: make([]laidOut, (len(trees)+3)/4*4), used: len(trees)}
	for t, tree := range trees {
		for i, s := range tree.Splits {
			if int(s.Feature) >= n {
				return nil, fmt.Errorf("tree %d asks for feature %d of %d", t, s.Feature, n)
			}
			if s.Threshold != s.Threshold {
				return nil, fmt.Errorf("tree %d has a threshold that is not a number", t)
			}
			input := uint32(s.Feature)
			if s.MissingRight {
				input += MaxInputs
			}
			f.trees[t].nodes[i+1] = node{threshold: ordered(s.Threshold), input: input}
		}
		f.trees[t].leaves = tree.Leaves
	}
	return f, nil
}

// Trees returns how many trees there are.
func (f *Forest) Trees() int { return f.used }

// ordered maps floats to whole numbers of the same order. Both zeros become 0.
func ordered(x float32) int32 {
	bits := int32(math.Float32bits(x + 0)) // -0 + 0 is 0
	return bits ^ (bits>>31)&math.MaxInt32
}

// Sum returns what the trees add up to for the vector, NaN standing for a missing value. It adds in the order of
// the trees and in single precision, as the trainer does, so the answers are the same to the last bit. It allocates nothing.
func (f *Forest) Sum(vector *[MaxInputs]float32) float32 {
	var in inputs
	for i, x := range vector[:f.inputs] {
		if x != x {
			in[i], in[MaxInputs+i] = math.MinInt32, math.MaxInt32
			continue
		}
		o := ordered(x)
		in[i], in[MaxInputs+i] = o, o
	}
	sum := f.base
	for trees := f.trees; len(trees) >= 4; trees = trees[4:] {
		a, b, c, d := &trees[0], &trees[1], &trees[2], &trees[3]
		i, j, k, l := uint32(1), uint32(1), uint32(1), uint32(1)
		for range Depth {
			i = a.child(i, &in)
			j = b.child(j, &in)
			k = c.child(k, &in)
			l = d.child(l, &in)
		}
		// Out of the deepest level the places count from the number of leaves.
		sum += a.leaves[i%leaves]
		sum += b.leaves[j%leaves]
		sum += c.leaves[k%leaves]
		sum += d.leaves[l%leaves]
	}
	return sum
}

// child returns the place of the child of i that the inputs lead to.
func (t *laidOut) child(i uint32, in *inputs) uint32 {
	n := &t.nodes[i%leaves]
	x := in[n.input%(2*MaxInputs)]
	below := uint64(int64(x)-int64(n.threshold)) >> 63
	return 2*i + 1 - uint32(below)
}
