package train

import (
	"math"
	"slices"

	"github.com/albatross-lb/albatross/retail/model"
)

// history is rows by store, product and week, for walking along the weeks.
type history struct {
	stores, products   []int64
	storeAt, productAt map[int64]int
	first, last        int
	log, price, promo  []float64 // at(store, product, week); NaN where there is no row
	low, high          []float32 // prices by product
}

func newHistory(rows []Row) *history {
	h := &history{storeAt: map[int64]int{}, productAt: map[int64]int{}, first: rows[0].Week, last: rows[len(rows)-1].Week}
	for _, r := range rows {
		h.storeAt[r.Store], h.productAt[r.Product] = 0, 0
	}
	h.stores, h.products = number(h.storeAt), number(h.productAt)
	size := len(h.stores) * len(h.products) * (h.last - h.first + 1)
	h.log, h.price, h.promo = nans(size), nans(size), nans(size)
	h.low, h.high = make([]float32, len(h.products)), make([]float32, len(h.products))
	for _, r := range rows {
		store, product := h.storeAt[r.Store], h.productAt[r.Product]
		i := h.at(store, product, r.Week)
		h.log[i], h.price[i], h.promo[i] = math.Log(r.Units), math.Log(r.Price), 0
		if r.Promotion {
			h.promo[i] = 1
		}
		price := float32(r.Price)
		if h.high[product] == 0 {
			h.low[product] = price
		}
		h.low[product], h.high[product] = min(h.low[product], price), max(h.high[product], price)
	}
	return h
}

// number sorts the ids and gives each its place.
func number(at map[int64]int) []int64 {
	var ids []int64
	for id := range at {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for i, id := range ids {
		at[id] = i
	}
	return ids
}

func nans(n int) []float64 {
	s := make([]float64, n)
	for i := range s {
		s[i] = math.NaN()
	}
	return s
}

func (h *history) at(store, product, week int) int {
	return (store*len(h.products)+product)*(h.last-h.first+1) + week - h.first
}

// The elasticity and the lift are held to the side where they make sense, so that features made of them move the right way.
const (
	leastElasticity = -0.1
	leastLift       = 0.0
)

// terms fits the elasticity and the lift of each product: within each store the weeks are compared with each other, recent
// weeks counting more (half-life as of [Chosen]).
func (h *history) terms(halfLife float64) []model.ProductTerms {
	terms := make([]model.ProductTerms, len(h.products))
	for p := range terms {
		var pp, pq, qq, py, qy float64 // moments of log price p, promotion q and log units y, about their means
		for s := range h.stores {
			var n, mp, mq, my float64
			from := h.at(s, p, h.first)
			weeks := h.log[from : from+h.last-h.first+1]
			for pass := range 2 {
				for w, y := range weeks {
					if y != y {
						continue
					}
					weight := math.Exp2(-float64(len(weeks)-1-w) / halfLife)
					price, promo := h.price[from+w], h.promo[from+w]
					if pass == 0 {
						n, mp, mq, my = n+weight, mp+weight*price, mq+weight*promo, my+weight*y
						continue
					}
					dp, dq, dy := price-mp/n, promo-mq/n, y-my/n
					pp, pq, qq = pp+weight*dp*dp, pq+weight*dp*dq, qq+weight*dq*dq
					py, qy = py+weight*dp*dy, qy+weight*dq*dy
				}
			}
		}
		pp, qq = pp+1, qq+1 // a little shrinkage, for products that never moved
		det := pp*qq - pq*pq
		terms[p] = model.ProductTerms{
			Elasticity: float32(min((qq*py-pq*qy)/det, leastElasticity)), Lift: float32(max((pp*qy-pq*py)/det, leastLift)),
			MinPrice: h.low[p], MaxPrice: h.high[p],
		}
	}
	return terms
}

// trail is a mean in which a week's weight halves with age.
type trail struct{ sum, weight float64 }

func (t *trail) add(x, halfLife float64, known bool) {
	decay := math.Exp2(-1 / halfLife)
	t.sum, t.weight = t.sum*decay, t.weight*decay
	if known {
		t.sum, t.weight = t.sum+x, t.weight+1
	}
}

// leastWeight is that of a series last seen some four half-lives ago. What is older says nothing.
const leastWeight = 0.05

func (t *trail) mean() float32 {
	if t.weight < leastWeight {
		return float32(math.NaN())
	}
	return float32(t.sum / t.weight)
}

// states returns what was known at the end of each week, the first one's first. Beside the terms, which are of the whole
// history, a state looks at no later week.
func (h *history) states(terms []model.ProductTerms) []*model.State {
	type trails struct {
		levels          [model.Levels]trail
		price8, price26 trail
		promotions      trail
	}
	pairs := make([]trails, len(h.stores)*len(h.products))
	var states []*model.State
	for week := h.first; week <= h.last; week++ {
		s := &model.State{
			Stores: h.stores, Products: h.products, Terms: slices.Clone(terms),
			Sizes: make([]float32, len(h.stores)), Series: make([]model.Series, len(pairs)),
		}
		for i := range pairs {
			t, term := &pairs[i], &terms[i%len(h.products)]
			at := h.at(i/len(h.products), i%len(h.products), week)
			y, price, promo := h.log[at], h.price[at], h.promo[at]
			known := y == y
			level := y - float64(term.Elasticity)*price - float64(term.Lift)*promo
			for l := range t.levels {
				t.levels[l].add(level, model.HalfLives[l], known)
				s.Series[i].Levels[l] = t.levels[l].mean()
			}
			t.price8.add(price, 8, known)
			t.price26.add(price, 26, known)
			t.promotions.add(promo, 10, known)
			s.Series[i].Price8, s.Series[i].Price26, s.Series[i].Promotions = t.price8.mean(), t.price26.mean(), t.promotions.mean()
		}
		average(s)
		states = append(states, s)
	}
	return states
}

// average fills in the means over stores and over products.
func average(s *model.State) {
	for p := range s.Terms {
		var sum [model.Levels + 3]float64
		var n float64
		for i := p; i < len(s.Series); i += len(s.Products) {
			if x := &s.Series[i]; x.Known() {
				for l, level := range x.Levels {
					sum[l] += float64(level)
				}
				sum[model.Levels] += float64(x.Price8)
				sum[model.Levels+1] += float64(x.Price26)
				sum[model.Levels+2] += float64(x.Promotions)
				n++
			}
		}
		a := &s.Terms[p].Average
		for l := range a.Levels {
			a.Levels[l] = float32(sum[l] / n) // NaN where no store knows it
		}
		a.Price8, a.Price26, a.Promotions = float32(sum[model.Levels]/n), float32(sum[model.Levels+1]/n), float32(sum[model.Levels+2]/n)
	}
	for i := range s.Sizes {
		var sum, n float64
		for p := range s.Products {
			if x := &s.Series[i*len(s.Products)+p]; x.Known() {
				sum += float64(x.Levels[2] - s.Terms[p].Average.Levels[2])
				n++
			}
		}
		s.Sizes[i] = float32(sum / n)
	}
}
