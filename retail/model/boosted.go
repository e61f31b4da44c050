package model

import (
	"fmt"
	"math"
)

// Boosted predicts by gradient-boosted trees together with a log-linear regression: the logarithm of the units is a weighted mean
// of what the trees add up to, over the features of a [State], and of what the regression says. Both move the right way with a price
// and a promotion, so their mean does.
//
// The two make different mistakes. Trees find what the regression has no term for, but answer nothing beyond what they have
// seen and mistake the noise of a busy week for a rule; the regression carries an elasticity on. Their mean is better than
// either (docs/retail-model.md).
//
// It is immutable: any number of goroutines may use one.
type Boosted struct {
	state     State
	forest    *Forest
	linear    *Linear
	weight    float64 // of the regression
	intervals Intervals
	spreads   [][2]spread // of intervals, by product and promotion
	stores    map[int64]int
	products  map[int64]int
}

// Intervals are quantiles of what sales were relative to their forecasts, in log units, by what was known when they were
// forecast (conformal prediction by groups: the errors of forecasts of weeks that were not trained on, as they were).
type Intervals struct {
	// Known and UnknownStore are by product, in the order of the state, and then without and with a promotion.
	Known        [][2]Quantiles `json:"known"`
	UnknownStore [][2]Quantiles `json:"unknown_store"`
	// UnknownProduct and Unknown (store and product) are without and with a promotion.
	UnknownProduct [2]Quantiles `json:"unknown_product"`
	Unknown        [2]Quantiles `json:"unknown"`
}

// Quantiles of log errors.
type Quantiles struct {
	Low  float64 `json:"p10"`
	High float64 `json:"p90"`
}

// spread is Quantiles as factors of a forecast.
type spread struct{ low, high float64 }

func spreads(q [2]Quantiles) (s [2]spread) {
	for i := range q {
		s[i] = spread{math.Exp(q[i].Low), math.Exp(q[i].High)}
	}
	return s
}

// NewBoosted puts a model together. The forest must be one over vectors of [Inputs]; weight is that of the regression, 0 to 1, and the
// trees have the rest.
func NewBoosted(state State, forest *Forest, linear *Linear, weight float64, intervals Intervals) (*Boosted, error) {
	m := &Boosted{state: state, forest: forest, linear: linear, weight: weight, intervals: intervals, stores: map[int64]int{}, products: map[int64]int{}}
	products := len(state.Products)
	switch {
	case len(state.Terms) != products || len(state.Sizes) != len(state.Stores) || len(state.Series) != products*len(state.Stores):
		return nil, fmt.Errorf("%d stores and %d products with %d sizes, %d terms and %d series",
			len(state.Stores), products, len(state.Sizes), len(state.Terms), len(state.Series))
	case len(intervals.Known) != products || len(intervals.UnknownStore) != products:
		return nil, fmt.Errorf("intervals of %d and %d products, want %d", len(intervals.Known), len(intervals.UnknownStore), products)
	case !(weight >= 0 && weight <= 1):
		return nil, fmt.Errorf("a weight of the regression of %v", weight)
	case len(forest.cuts) != vectorLength:
		return nil, fmt.Errorf("the forest reads %d features, want %d", len(forest.cuts), vectorLength)
	}
	for i, id := range state.Stores {
		m.stores[id] = i
	}
	m.state.LowestPrice, m.state.HighestPrice = math.Inf(1), 0
	for i, id := range state.Products {
		m.products[id] = i
		t := state.Terms[i]
		if !(t.MinPrice > 0 && t.MinPrice <= t.MaxPrice) || !(t.Elasticity < 0) || !(t.Lift >= 0) {
			return nil, fmt.Errorf("product %d: prices from %v to %v, elasticity %v, lift %v", id, t.MinPrice, t.MaxPrice, t.Elasticity, t.Lift)
		}
		m.state.LowestPrice = min(m.state.LowestPrice, float64(t.MinPrice))
		m.state.HighestPrice = max(m.state.HighestPrice, float64(t.MaxPrice))
		m.spreads = append(m.spreads, spreads(intervals.Known[i]), spreads(intervals.UnknownStore[i]))
	}
	m.spreads = append(m.spreads, spreads(intervals.UnknownProduct), spreads(intervals.Unknown))
	if len(m.stores) != len(state.Stores) || len(m.products) != products {
		return nil, fmt.Errorf("a store or product appears twice")
	}
	return m, nil
}

// Predict answers one question. It never fails: what it has not met is answered by what is known of the others and said in
// the answer.
//
// The answer is the exponential of an expected logarithm, the typical week. The distribution is skewed, so the mean lies above it.
func (m *Boosted) Predict(f Features) Prediction {
	var v [MaxInputs]float32
	out, group := m.ask(&v, f)
	_, linear := m.linear.log(f)
	out.Units = math.Exp((1-m.weight)*float64(m.forest.Sum(&v)) + m.weight*linear)
	s := &m.spreads[group][int(v[inPromotion])]
	out.Low, out.High = out.Units*s.low, out.Units*s.high
	return out
}

// Vector writes what the trees read of a question into v.
func (m *Boosted) Vector(v *[MaxInputs]float32, f Features) { m.ask(v, f) }

// Unmet says what is unusual about a question.
func (m *Boosted) Unmet(f Features) Prediction {
	return m.place(f).Prediction
}

// ask makes a vector of a question and finds out what is unusual about it; group is its place in spreads.
func (m *Boosted) ask(v *[MaxInputs]float32, f Features) (out Prediction, group int) {
	p := m.place(f)
	m.state.Vector(v, p.store, p.product, f.Date, p.price, f.Promotion)
	return p.Prediction, p.group
}

// placed is a question in the model's own terms.
type placed struct {
	Prediction     // without numbers
	store, product int
	price          float64
	group          int
}

func (m *Boosted) place(f Features) placed {
	store, storeKnown := m.stores[f.StoreID]
	product, productKnown := m.products[f.ProductID]
	p := placed{store: store, product: product, group: 2 * product}
	p.UnknownStore, p.UnknownProduct = !storeKnown, !productKnown
	low, high := m.state.LowestPrice, m.state.HighestPrice
	if productKnown {
		t := &m.state.Terms[product]
		low, high = float64(t.MinPrice), float64(t.MaxPrice)
	} else {
		p.product, p.group = -1, 2*len(m.state.Products)
	}
	if !storeKnown {
		p.store, p.group = -1, p.group+1
	}
	p.price = hold(f.Price, low, high)
	p.PriceHeld = p.price != f.Price
	return p
}

// Forest returns the trees.
func (m *Boosted) Forest() *Forest { return m.forest }

// State returns what was known when training ended.
func (m *Boosted) State() *State { return &m.state }
