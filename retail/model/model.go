// Package model holds the demand model of the Retail Prediction API: what it is asked, what it answers, and the
// arithmetic between the two.
//
// The model is a log-linear regression with fixed effects. The logarithm of the units a store sells of a product in
// a week is a sum of
//
//	an intercept, an effect of the store, of the product, and of that product in that store;
//	a price elasticity, which each product bends a little;
//	the lift of a promotion, which each product bends a little;
//	a yearly season, a few sine waves over the year.
//
// It was chosen as the first model because it is small enough to read, because its answers move the right way (units
// fall as the price rises and rise with a promotion), and because on a plain hold-out of thirteen weeks bigger models
// do not reliably beat it.
//
// All effects but the intercept, the elasticity, the lift and the season are shrunk towards zero while fitting, as
// random effects are. So zero means "an average store", and a store the model has not met is answered by leaving its
// terms out. A product it has not met is answered by a second, smaller set of terms fitted without any knowledge
// of products ([Coefficients.Unknown]): the elasticity of one product says little about what a different product
// at ten times the price would sell.
//
// Coefficients are fitted by cmd/retail-train and embedded in the binary. The data they were fitted on is not part of
// the repository.
package model

import (
	"fmt"
	"math"
	"time"
)

// Features is what one prediction is asked for.
type Features struct {
	StoreID   int64
	ProductID int64
	// Date is any day; the prediction is for the week that holds it. Only its season counts, so any year is in range.
	Date Date
	// Price is the price of one package in US dollars, above zero.
	Price float64
	// Promotion says whether the product was featured (advertised) in that week.
	Promotion bool
}

// Prediction is the model's answer to [Features], with what was unusual about the question.
type Prediction struct {
	// Units is the number of packages sold in the week, never negative and always finite.
	Units float64
	// UnknownStore and UnknownProduct say that the id was not in the training data and an average was used.
	UnknownStore, UnknownProduct bool
	// PriceHeld says that the price lay so far outside the training range that the nearest price the model can
	// speak of was used in its place.
	PriceHeld bool
}

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
	// MeanFactor is what a prediction would have to be multiplied with to speak of the mean of many weeks in place of the
	// typical week (Duan's smearing estimator, 1983). Predict does not: see there.
	MeanFactor float64 `json:"mean_factor"`
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

// priceMargin is how far beyond the prices seen in training the elasticity is trusted, as a factor either way. Beyond
// it the price is held: a constant elasticity carried to ten times the price would answer "nothing is ever sold",
// which nobody has observed.
const priceMargin = 1.25

// Model answers predictions. It is immutable: any number of goroutines may use one.
type Model struct {
	c        Coefficients
	stores   map[int64]int
	products map[int64]int
	// season holds the season's share of log units by the day of year (0 to 365) on which a week begins.
	season [366]float64
}

// New checks the coefficients and makes them ready to answer.
func New(c Coefficients) (*Model, error) {
	m := &Model{c: c, stores: make(map[int64]int, len(c.Stores)), products: make(map[int64]int, len(c.Products))}
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
// distribution is skewed, so the mean lies above it ([Coefficients.MeanFactor]).
func (m *Model) Predict(f Features) Prediction {
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
	price := min(max(f.Price, low/priceMargin), high*priceMargin)
	out.PriceHeld = price != f.Price
	log += elasticity * (math.Log(price) - m.c.PriceCentre)
	if f.Promotion {
		log += lift
	}
	out.Units = math.Exp(log)
	return out
}

// SeasonWaves returns n sine and cosine values, in pairs, for a week that begins on the day of year day (0 is 1 January).
func SeasonWaves(day, n int) []float64 {
	waves := make([]float64, n)
	// The middle of the week stands for it.
	angle := 2 * math.Pi * (float64(day) + 3.5) / 365.25
	for i := 0; i+1 < n; i += 2 {
		waves[i], waves[i+1] = math.Sincos(angle * float64(i/2+1))
	}
	return waves
}

// Date is a calendar day: days since 1970-01-01, before it negative.
type Date int32

// DateOf returns the day of a time, in the time's own zone.
func DateOf(t time.Time) Date {
	y, mo, d := t.Date()
	return Date(time.Date(y, mo, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// ParseDate reads YYYY-MM-DD, the years 0001 to 9999 of the Gregorian calendar.
func ParseDate[T []byte | string](s T) (Date, bool) {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	number := func(from, to int) int {
		n := 0
		for i := from; i < to; i++ {
			if s[i] < '0' || s[i] > '9' {
				return -1
			}
			n = n*10 + int(s[i]-'0')
		}
		return n
	}
	y, mo, d := number(0, 4), number(5, 7), number(8, 10)
	if y < 1 || mo < 1 || mo > 12 || d < 1 {
		return 0, false
	}
	t := time.Date(y, time.Month(mo), d, 0, 0, 0, 0, time.UTC)
	if t.Day() != d { // time.Date carries 30 February over into March
		return 0, false
	}
	return Date(t.Unix() / 86400), true
}

// Time returns midnight UTC of the day.
func (d Date) Time() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// String returns the day as YYYY-MM-DD.
func (d Date) String() string { return d.Time().Format(time.DateOnly) }

// firstWeek is the day on which week 1 of the training data begins, a Thursday: 1989-09-14.
const firstWeek Date = 7196

// WeekStart returns the day on which the week of the training data with this number begins. Week 1 begins on 1989-09-14.
func WeekStart(week int) Date { return firstWeek + Date(7*(week-1)) }

// Week returns the number of the week that holds the day.
func (d Date) Week() int {
	days := int(d - firstWeek)
	if days < 0 {
		days -= 6 // round down, not towards zero
	}
	return days/7 + 1
}

// seasonDay returns the day of year (0 to 365) on which the day's week begins: all days of a week have one answer.
func (d Date) seasonDay() int { return WeekStart(d.Week()).Time().YearDay() - 1 }

// SeasonDay is the day of year (0 to 365) on which week begins.
func SeasonDay(week int) int { return WeekStart(week).seasonDay() }
