package train

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/albatross-lb/albatross/retail/model"
)

// Seed is that of every random choice made while training trees.
const Seed = 20240101

// The choices behind the training of trees beside [Growth]; docs/retail-model.md says how they were made.
const (
	// unknownShare is the share of rows that are shown a second time with the store unknown, a third with the product
	// unknown, and half that a fourth with neither known.
	unknownShare = 0.1
	// unknownWeight is what such a row counts for. It is little: at the weight of other rows the same trees were a point worse for
	// what is known, and hardly better for what is not, most of which the regression and the means over stores answer.
	unknownWeight = 0.02
	// typical is the logarithm of the units of a row that counts what its age says.
	typical = 4.4
	// warmUp is how many weeks only serve as the past of later ones.
	warmUp = 10
	// gap is how many weeks lie between the origin of a forecast and its first week: TSPerf forecasts the second and the
	// third week after the last known one.
	gap = 1
)

// boosted are trees grown on the weeks up to one origin.
type boosted struct {
	state  *model.State
	grown  *grown
	linear model.Coefficients
	model  *model.Boosted
	// worst is the largest relative difference between the trainer's forecasts and the model's.
	worst float64
}

// boost trains on the rows and sees to it that the model answers the questions as the trainer does. Later rows than the
// questions' origin must not be among the rows.
func boost(b *Booster, rows []Row, questions []model.Features, g Growth) (*boosted, error) {
	h := newHistory(rows)
	terms := h.terms(Chosen.HalfLife)
	states := h.states(terms)
	fit := &boosted{state: states[len(states)-1]}
	var err error
	if fit.linear, err = Fit(rows, Chosen); err != nil {
		return nil, err
	}
	fit.grown = &grown{} // no trees yet, to ask for vectors
	if fit.model, err = fit.assemble(noIntervals(fit.state)); err != nil {
		return nil, err
	}
	var test []float32
	for _, q := range questions {
		var v [model.MaxInputs]float32
		fit.model.Vector(&v, q)
		test = append(test, v[:len(model.Inputs)]...)
	}
	if fit.grown, err = b.train(h.matrix(rows, states, g), test, Seed, g); err != nil {
		return nil, err
	}
	if fit.model, err = fit.assemble(noIntervals(fit.state)); err != nil {
		return nil, err
	}
	for i := range questions {
		var v [model.MaxInputs]float32
		copy(v[:], test[i*len(model.Inputs):(i+1)*len(model.Inputs)])
		want := math.Exp(float64(fit.grown.forecasts[i]))
		got := math.Exp(float64(fit.model.Forest().Sum(&v)))
		fit.worst = max(fit.worst, math.Abs(got-want)/want)
	}
	if !(fit.worst <= 1e-6) {
		return nil, fmt.Errorf("the model sums the trees up differently than the trainer, by %v: more than one in a million", fit.worst)
	}
	return fit, nil
}

// assemble puts the parts together.
func (b *boosted) assemble(q model.Intervals) (*model.Boosted, error) {
	forest, err := model.NewForest(len(model.Inputs), b.grown.base, b.grown.trees)
	if err != nil {
		return nil, err
	}
	linear, err := model.NewLinear(b.linear)
	if err != nil {
		return nil, err
	}
	return model.NewBoosted(*b.state, forest, linear, linearWeight, q)
}

// trees forecasts by the trees alone.
func (b *boosted) trees() forecaster {
	return func(r Row) float64 {
		var v [model.MaxInputs]float32
		b.model.Vector(&v, r.Features())
		return math.Exp(float64(b.model.Forest().Sum(&v)))
	}
}

func noIntervals(s *model.State) model.Intervals {
	none := make([][2]model.Quantiles, len(s.Products))
	return model.Intervals{Known: none, UnknownStore: none}
}

// volume is the feature that says how many units were to be expected: the level of half a year at the row's price and promotion.
var volume = slices.IndexFunc(model.Inputs[:], func(in model.Input) bool { return in.Name == "expected_26" })

// matrix is what the trees learn from: each row, asked as a forecast would have asked for it, two or three weeks
// after what was known; and some of them again as if the store or the product were new. What a row counts for follows from its age and
// from the units that were to be expected at its origin, in which its own week has no part but in the elasticity and the lift.
func (h *history) matrix(rows []Row, states []*model.State, g Growth) *matrix {
	m := &matrix{}
	var v [model.MaxInputs]float32
	random := rand.New(rand.NewPCG(Seed, 0))
	for i, r := range rows {
		if r.Week < h.first+warmUp {
			continue
		}
		origin := r.Week - 1 - gap - i%2
		s := states[max(origin-h.first, 0)]
		weight := math.Exp2(-float64(h.last-r.Week) / g.HalfLife)
		store, product := h.storeAt[r.Store], h.productAt[r.Product]
		s.Vector(&v, store, product, model.WeekStart(r.Week), r.Price, r.Promotion)
		if expected := float64(v[volume]); expected == expected {
			weight *= math.Exp(g.Volume * (expected - typical))
		}
		add := func(store, product int, weight float64) {
			s.Vector(&v, store, product, model.WeekStart(r.Week), r.Price, r.Promotion)
			m.add(&v, math.Log(r.Units), weight)
		}
		add(store, product, weight)
		if random.Float64() < unknownShare {
			add(-1, product, unknownWeight*weight)
		}
		if random.Float64() < unknownShare {
			add(store, -1, unknownWeight*weight)
		}
		if random.Float64() < unknownShare/2 {
			add(-1, -1, unknownWeight*weight)
		}
	}
	return m
}
