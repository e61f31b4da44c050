package model

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// The file of a Boosted model: a line that says what it is, a line of JSON with the papers and the catalogue, and the numbers,
// little-endian and without gaps: terms of products, sizes of stores, series, trees.
const magic = "retail-model 2\n"

// maxTrees bounds what a file may ask for, and so what a prediction may cost.
const maxTrees = 2000

// boostedHead is the JSON of the file.
type boostedHead struct {
	Papers
	Stores    []int64   `json:"stores"`
	Products  []int64   `json:"products"`
	Inputs    []string  `json:"inputs"`
	Base      float32   `json:"base"`
	Trees     int       `json:"trees"`
	Intervals Intervals `json:"intervals"`
	// LinearWeight is that of the regression, and Coefficients are its own.
	LinearWeight float64      `json:"linear_weight"`
	Coefficients Coefficients `json:"coefficients"`
}

// BoostedParts are what a [Boosted] is made of, as they are written to a file.
type BoostedParts struct {
	State  State
	Base   float32
	Trees  []Tree
	Linear Coefficients
	// LinearWeight is that of the regression, 0 to 1.
	LinearWeight float64
	Intervals    Intervals
}

// WriteBoosted returns the file of a model.
func WriteBoosted(p Papers, parts BoostedParts) ([]byte, error) {
	s, trees := parts.State, parts.Trees
	head := boostedHead{
		Papers: p, Stores: s.Stores, Products: s.Products, Base: parts.Base, Trees: len(trees), Intervals: parts.Intervals,
		LinearWeight: parts.LinearWeight, Coefficients: parts.Linear,
	}
	for _, in := range Inputs {
		head.Inputs = append(head.Inputs, in.Name)
	}
	text, err := json.Marshal(head)
	if err != nil {
		return nil, fmt.Errorf("writing the model: %w", err)
	}
	var b bytes.Buffer
	b.WriteString(magic)
	b.Write(text)
	b.WriteByte('\n')
	for _, numbers := range []any{s.Terms, s.Sizes, s.Series, trees} {
		if err := binary.Write(&b, binary.LittleEndian, numbers); err != nil {
			return nil, fmt.Errorf("writing the model: %w", err)
		}
	}
	return b.Bytes(), nil
}

func readBoosted(data []byte) (*Trained, error) {
	text, rest, ok := bytes.Cut(data[len(magic):], []byte("\n"))
	if !ok {
		return nil, errors.New("it ends in its first lines")
	}
	var head boostedHead
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, err
	}
	if err := head.checkInputs(); err != nil {
		return nil, err
	}
	pairs := len(head.Stores) * len(head.Products)
	if head.Trees < 1 || head.Trees > maxTrees || pairs == 0 || pairs > len(rest) {
		return nil, fmt.Errorf("%d trees over %d stores and %d products", head.Trees, len(head.Stores), len(head.Products))
	}
	s := State{
		Stores: head.Stores, Products: head.Products, Terms: make([]ProductTerms, len(head.Products)),
		Sizes: make([]float32, len(head.Stores)), Series: make([]Series, pairs),
	}
	trees := make([]Tree, head.Trees)
	in := bytes.NewReader(rest)
	for _, numbers := range []any{s.Terms, s.Sizes, s.Series, trees} {
		if err := binary.Read(in, binary.LittleEndian, numbers); err != nil {
			return nil, fmt.Errorf("its numbers: %w", err)
		}
	}
	if in.Len() > 0 {
		return nil, fmt.Errorf("%d bytes follow its numbers", in.Len())
	}
	forest, err := NewForest(len(Inputs), head.Base, trees)
	if err != nil {
		return nil, err
	}
	linear, err := NewLinear(head.Coefficients)
	if err != nil {
		return nil, err
	}
	m, err := NewBoosted(s, forest, linear, head.LinearWeight, head.Intervals)
	if err != nil {
		return nil, err
	}
	return &Trained{Predictor: m, Papers: head.Papers}, nil
}

// checkInputs makes sure that the trees were trained on the features that this program computes.
func (h *boostedHead) checkInputs() error {
	if len(h.Inputs) != len(Inputs) {
		return fmt.Errorf("it reads %d features, this program has %d", len(h.Inputs), len(Inputs))
	}
	for i, name := range h.Inputs {
		if name != Inputs[i].Name {
			return fmt.Errorf("its feature %d is %q, this program's is %q", i, name, Inputs[i].Name)
		}
	}
	return nil
}
