package model

import (
	"fmt"
	"math"
)

// Coefficients are the fitted numbers, as the training command writes them.
type Coefficients struct {
	// Intercept is the logarithm of weekly units of an average product in an average store at the price exp(PriceCentre).
	Intercept float64 `json:"intercept"`
	// PriceCentre is the mean logarithm of price in the training data; log prices are measured from it.
	PriceCentre float64 `json:"price_centre"`
	// Price is the elasticity: the change of log units for a change of log price.
	Price float64 `json:"price"`
	// Promotion is the lift of log units in a week with a promotion.
	Promotion float64 `json:"promotion"`
	// Season holds pairs of sine and cosine weights: once a year, twice a year, and so on.
	Season []float64 `json:"season"`
	// Unknown takes the place of Intercept, Price and Promotion for a product outside the catalogue.
	Unknown UnknownProduct `json:"unknown_product"`
	// Stores and Products are sorted by id.
	Stores   []Store   `json:"stores"`
	Products []Product `json:"products"`
	// Cells[i][j] is the effect of Products[j] in Stores[i].
	Cells [][]float64 `json:"cells"`
}

// UnknownProduct are the terms for a product the model has not met.
type UnknownProduct struct {
	Intercept float64 `json:"intercept"`
	Price     float64 `json:"price"`
	Promotion float64 `json:"promotion"`
	MinPrice  float64 `json:"min_price"`
	MaxPrice  float64 `json:"max_price"`
}

// Store is the effect of one store on log units.
type Store struct {
	ID     int64   `json:"id"`
	Effect float64 `json:"effect"`
}

// Product is the effect of one product on log units, its own share of elasticity and lift, and the range of
// prices (US dollars) seen in training.
type Product struct {
	ID        int64   `json:"id"`
	Effect    float64 `json:"effect"`
	Price     float64 `json:"price"`
	Promotion float64 `json:"promotion"`
	MinPrice  float64 `json:"min_price"`
	MaxPrice  float64 `json:"max_price"`
}

// Linear is a log-linear regression with fixed effects. The logarithm of the units a store sells of a product in
// a week is a sum of
//
//	an intercept, an effect of the store, of the product, and of that product in that store;
//	a price elasticity, which each product bends a little;
//	the lift of a promotion, which each product bends a little;
//	a yearly season, a few sine waves over the year.
//
// All effects but the intercept, the elasticity, the lift and the season are shrunk towards zero while fitting, as
// random effects are. So zero means "an average store", and a store the model has not met is answered by leaving its
// terms out. A product it has not met is answered by a second, smaller set of terms fitted without any knowledge
// of products ([Coefficients.Unknown]): the elasticity of one product says little about what a different product
// at ten times the price would sell.
//
// It is immutable: any number of goroutines may use one.
type Linear struct {
	c        Coefficients
	stores   map[int64]int
	products map[int64]int
	// season holds the season's share of log units by the day of year (0 to 365) on which a week begins.
	season [366]float64
}

// NewLinear checks the coefficients and makes them ready to answer.
func NewLinear(c Coefficients) (*Linear, error) {
	m := &Linear{c: c, stores: make(map[int64]int, len(c.Stores)), products: make(map[int64]int, len(c.Products))}
	if len(c.Season)%2 != 0 {
		return nil, fmt.Errorf("coefficients: season has %d numbers, want pairs", len(c.Season))
	}
	if len(c.Cells) != len(c.Stores) {
		return nil, fmt.Errorf("coefficients: %d rows of cells for %d stores", len(c.Cells), len(c.Stores))
	}
	for i, s := range c.Stores {
		if len(c.Cells[i]) != len(c.Products) {
			return nil, fmt.Errorf("coefficients: store %d has %d cells for %d products", s.ID, len(c.Cells[i]), len(c.Products))
		}
		m.stores[s.ID] = i
	}
	for i, p := range c.Products {
		if !(p.MinPrice > 0 && p.MinPrice <= p.MaxPrice) {
			return nil, fmt.Errorf("coefficients: product %d has the price range %v to %v", p.ID, p.MinPrice, p.MaxPrice)
		}
		m.products[p.ID] = i
	}
	if !(c.Unknown.MinPrice > 0 && c.Unknown.MinPrice <= c.Unknown.MaxPrice) {
		return nil, fmt.Errorf("coefficients: the unknown product has the price range %v to %v", c.Unknown.MinPrice, c.Unknown.MaxPrice)
	}
	if len(m.stores) != len(c.Stores) || len(m.products) != len(c.Products) {
		return nil, fmt.Errorf("coefficients: a store or product appears twice")
	}
	for day := range m.season {
		for i, wave := range SeasonWaves(day, len(c.Season)) {
			m.season[day] += c.Season[i] * wave
		}
	}
	return m, nil
}

// Predict answers one question. It never fails: what it has not met is answered by an average and said in the answer.
//
// The answer is the median of what the model expects, the typical week: that is what keeps absolute errors smallest. The
// distribution is skewed, so the mean lies above it ([Papers]).
func (m *Linear) Predict(f Features) Prediction {
	out, log := m.log(f)
	out.Units = math.Exp(log)
	return out
}

// Unmet says what is unusual about a question.
func (m *Linear) Unmet(f Features) Prediction {
	out, _ := m.log(f)
	return out
}

// log answers with the logarithm of the units in place of the units.
func (m *Linear) log(f Features) (Prediction, float64) {
	store, storeKnown := m.stores[f.StoreID]
	product, productKnown := m.products[f.ProductID]
	out := Prediction{UnknownStore: !storeKnown, UnknownProduct: !productKnown}

	log := m.season[f.Date.seasonDay()]
	if storeKnown {
		log += m.c.Stores[store].Effect
	}
	var elasticity, lift, low, high float64
	if productKnown {
		p := &m.c.Products[product]
		log += m.c.Intercept + p.Effect
		elasticity, lift, low, high = m.c.Price+p.Price, m.c.Promotion+p.Promotion, p.MinPrice, p.MaxPrice
		if storeKnown {
			log += m.c.Cells[store][product]
		}
	} else {
		u := &m.c.Unknown
		log += u.Intercept
		elasticity, lift, low, high = u.Price, u.Promotion, u.MinPrice, u.MaxPrice
	}
	price := hold(f.Price, low, high)
	out.PriceHeld = price != f.Price
	log += elasticity * (math.Log(price) - m.c.PriceCentre)
	if f.Promotion {
		log += lift
	}
	return out, log
}
