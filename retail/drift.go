package retail

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/albatross-lb/albatross/retail/model"
)

// The population stability index compares how a feature is spread in serving with how it was in training:
//
//	sum over bins of (serving's share - training's share) x log (serving's share / training's share)
//
// By custom below 0.1 is the same population, above 0.25 another one. It looks at the last one to two windows, so that a change
// shows and what is long past does not hide it.
const (
	driftWindow = time.Hour
	// leastDrift is how many predictions the index needs: with fewer it measures chance.
	leastDrift = 500
	// leastShare stands for bins that are empty on one side, whose logarithm would have no bound.
	leastShare = 1e-4
	// storeBins is how many bins stores make, neighbours by id together.
	storeBins = 10
)

// drift counts the features of the questions to one model.
type drift struct {
	reference *model.Reference
	stores    map[int64]int // bin by id; the last bin is for unknown ones
	products  map[int64]int
	features  [driftFeatures]feature

	mu      sync.Mutex
	young   atomic.Uint32 // 0 or 1: the generation that is being counted
	rotated time.Time
}

const (
	driftStore = iota
	driftProduct
	driftMonth
	driftPrice
	driftPromotion
	driftFeatures
)

// feature is one feature's bins.
type feature struct {
	name   string
	shares []float64 // in training
	counts [2][]atomic.Uint64
}

// newDrift returns nil for a model whose file does not say how training was spread.
func newDrift(r *model.Reference, now time.Time) *drift {
	if len(r.Stores) == 0 || len(r.Products) == 0 || len(r.Months) == 0 || len(r.Prices) == 0 || len(r.Promotions) == 0 {
		return nil
	}
	d := &drift{reference: r, stores: map[int64]int{}, products: map[int64]int{}, rotated: now}
	stores, products := make([]float64, storeBins+1), make([]float64, len(r.Products)+1)
	for i, s := range r.Stores {
		bin := i * storeBins / len(r.Stores)
		d.stores[s.ID] = bin
		stores[bin] += s.Share
	}
	for i, p := range r.Products {
		d.products[p.ID] = i
		products[i] = p.Share
	}
	for i, f := range [driftFeatures]feature{
		driftStore: {name: "store_id", shares: stores}, driftProduct: {name: "product_id", shares: products},
		driftMonth: {name: "date", shares: r.Months}, driftPrice: {name: "price", shares: r.Prices},
		driftPromotion: {name: "promotion", shares: r.Promotions},
	} {
		for g := range f.counts {
			f.counts[g] = make([]atomic.Uint64, len(f.shares))
		}
		d.features[i] = f
	}
	return d
}

// count takes in one question.
func (d *drift) count(f *model.Features) {
	g := d.young.Load()
	store, ok := d.stores[f.StoreID]
	if !ok {
		store = storeBins
	}
	product, ok := d.products[f.ProductID]
	if !ok {
		product = len(d.features[driftProduct].shares) - 1
	}
	promotion := 0
	if f.Promotion {
		promotion = 1
	}
	d.features[driftStore].counts[g][store].Add(1)
	d.features[driftProduct].counts[g][product].Add(1)
	d.features[driftMonth].counts[g][f.Date.Month()-1].Add(1)
	d.features[driftPrice].counts[g][d.reference.PriceBin(f.Price)].Add(1)
	d.features[driftPromotion].counts[g][promotion].Add(1)
}

// indexes calls with each feature's index, NaN where there were too few predictions, and begins a new window when it is time.
func (d *drift) indexes(now time.Time, with func(name string, psi float64)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now.Sub(d.rotated) >= driftWindow {
		d.rotated = now
		old := 1 - d.young.Load()
		for i := range d.features {
			for bin := range d.features[i].counts[old] {
				d.features[i].counts[old][bin].Store(0)
			}
		}
		d.young.Store(old)
	}
	for i := range d.features {
		with(d.features[i].name, d.features[i].psi())
	}
}

func (f *feature) psi() float64 {
	counts, total := make([]float64, len(f.shares)), 0.0
	for bin := range counts {
		counts[bin] = float64(f.counts[0][bin].Load() + f.counts[1][bin].Load())
		total += counts[bin]
	}
	if total < leastDrift {
		return math.NaN()
	}
	var sum float64
	for bin, share := range f.shares {
		expected, actual := max(share, leastShare), max(counts[bin]/total, leastShare)
		sum += (actual - expected) * math.Log(actual/expected)
	}
	return sum
}
