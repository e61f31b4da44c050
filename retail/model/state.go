package model

import (
	"math"
)

// HalfLives are the ages in weeks at which a week counts half in the trailing levels: last weeks, two months, half a year, always.
var HalfLives = [Levels]float64{2, 8, 26, 200}

// Levels is how many trailing levels there are of a series.
const Levels = 4

// State is what is known of the past at one moment, the origin of a forecast: for training any week's end, for serving
// the end of training. Nothing in it looks at a later week.
//
// A level is a trailing mean of log units, each week brought to a price of one dollar without promotion first by
// its product's elasticity and lift; so a week on sale does not look like a week of better business. Numbers are in
// single precision, as the trees read them, and NaN where nothing is known.
type State struct {
	// Stores and Products are the ids, sorted.
	Stores, Products []int64
	// Terms are those of Products, Sizes those of Stores, and Series[i*len(Products)+j] is Products[j] in Stores[i].
	Terms  []ProductTerms
	Sizes  []float32
	Series []Series
	// LowestPrice and HighestPrice are those of Terms.
	LowestPrice, HighestPrice float64
}

// ProductTerms are what is known of a product in all stores.
type ProductTerms struct {
	// Elasticity is the change of log units for a change of log price, below zero; Lift that for a promotion, above zero.
	Elasticity, Lift float32
	// Average takes the place of a store's series where that is not known: means over the stores.
	Average Series
	// MinPrice and MaxPrice are what a package cost in training, US dollars.
	MinPrice, MaxPrice float32
}

// Series is what is known of a product in a store.
type Series struct {
	// Levels are trailing levels of log units by the half-lives.
	Levels [Levels]float32
	// Price8 and Price26 are trailing means of log price, with half-lives of 8 and 26 weeks.
	Price8, Price26 float32
	// Promotions is the share of weeks with a promotion, with a half-life of 10 weeks.
	Promotions float32
}

// Known reports whether there is anything to know.
func (s *Series) Known() bool {
	return s.Levels[2] == s.Levels[2] && s.Price26 == s.Price26
}

// Input is one feature that the trees read.
type Input struct {
	Name string `json:"name"`
	// Monotone is 1 where units must not fall as the feature rises, -1 where they must not rise, 0 for neither.
	Monotone int `json:"monotone"`
	// Doc says where it comes from.
	Doc string `json:"doc"`
}

// The places of the features in a vector.
const (
	inPrice = iota
	inPromotion
	inSeason
	inExpected  = inSeason + 4
	inPriceVs8  = inExpected + Levels
	inPriceVs26 = iota + 6
	inPromotions
	inLevel8
	inLevel26
	inElasticity
	inLift
	inUsualPrice
	inStoreSize
	inProductLevel8
	inProductLevel26
	vectorLength
)

// Inputs describe the features of a vector, in order. A price or a promotion acts through several of them, each held to the same
// direction; so the sum is too.
var Inputs = [vectorLength]Input{
	inPrice:          {"price", -1, "price of the request, US dollars a package"},
	inPromotion:      {"promotion", 1, "promotion of the request"},
	inSeason:         {"season_sin1", 0, "date of the request: sine of the week's place in the year"},
	inSeason + 1:     {"season_cos1", 0, "date of the request: cosine of it"},
	inSeason + 2:     {"season_sin2", 0, "date of the request: sine, twice a year"},
	inSeason + 3:     {"season_cos2", 0, "date of the request: cosine, twice a year"},
	inExpected:       {"expected_2", 1, "trailing level (half-life 2 weeks) brought to the price and promotion of the request"},
	inExpected + 1:   {"expected_8", 1, "the same, half-life 8 weeks"},
	inExpected + 2:   {"expected_26", 1, "the same, half-life 26 weeks"},
	inExpected + 3:   {"expected_200", 1, "the same, half-life 200 weeks"},
	inPriceVs8:       {"price_vs_8", -1, "log price of the request less its trailing mean, half-life 8 weeks"},
	inPriceVs26:      {"price_vs_26", -1, "the same, half-life 26 weeks"},
	inPromotions:     {"promotions", 0, "trailing share of weeks with a promotion, half-life 10 weeks"},
	inLevel8:         {"level_8", 0, "trailing level, half-life 8 weeks"},
	inLevel26:        {"level_26", 0, "trailing level, half-life 26 weeks"},
	inElasticity:     {"elasticity", 0, "elasticity of the product"},
	inLift:           {"lift", 0, "lift of a promotion of the product"},
	inUsualPrice:     {"usual_price", 0, "trailing mean of log price, half-life 26 weeks"},
	inStoreSize:      {"store_size", 0, "mean over products of the store's level less that of all stores"},
	inProductLevel8:  {"product_level_8", 0, "mean over stores of the product's level, half-life 8 weeks"},
	inProductLevel26: {"product_level_26", 0, "the same, half-life 26 weeks"},
}

var missing = float32(math.NaN())

// Vector writes the features for a question into v. The store and the product are places in Stores and Products, -1 for one
// that is not known; the price has to be above zero.
//
// Where the product is known and the store is not, the means over all stores stand in; where the product is not known, all
// that speaks of it is missing.
func (s *State) Vector(v *[MaxInputs]float32, store, product int, d Date, price float64, promotion bool) {
	for i := inExpected; i < vectorLength; i++ {
		v[i] = missing
	}
	v[inPrice] = float32(price)
	v[inPromotion] = 0
	if promotion {
		v[inPromotion] = 1
	}
	copy(v[inSeason:inExpected], seasons[d.seasonDay()][:])
	if store >= 0 {
		v[inStoreSize] = s.Sizes[store]
	}
	if product < 0 {
		return
	}
	t := &s.Terms[product]
	series := &t.Average
	if store >= 0 {
		if own := &s.Series[store*len(s.Products)+product]; own.Known() {
			series = own
		}
	}
	log := math.Log(price)
	effect := float64(t.Elasticity) * log
	if promotion {
		effect += float64(t.Lift)
	}
	for i, level := range series.Levels {
		v[inExpected+i] = float32(float64(level) + effect)
	}
	v[inPriceVs8], v[inPriceVs26] = float32(log-float64(series.Price8)), float32(log-float64(series.Price26))
	v[inPromotions], v[inUsualPrice] = series.Promotions, series.Price26
	v[inLevel8], v[inLevel26] = series.Levels[1], series.Levels[2]
	v[inElasticity], v[inLift] = t.Elasticity, t.Lift
	v[inProductLevel8], v[inProductLevel26] = t.Average.Levels[1], t.Average.Levels[2]
}
