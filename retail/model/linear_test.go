package model

import (
	"math"
	"strings"
	"testing"
)

// small is a model that can be worked out by hand: two stores, two products, a season of one wave.
func small() Coefficients {
	return Coefficients{
		Intercept: 4, PriceCentre: math.Log(2), Price: -2, Promotion: 0.5, Season: []float64{0.1, 0.2},
		Unknown: UnknownProduct{Intercept: 3, Price: -1, Promotion: 0.7, MinPrice: 1, MaxPrice: 4},
		Stores:  []Store{{ID: 10, Effect: 0.25}, {ID: 20, Effect: -0.25}},
		Products: []Product{
			{ID: 1, Effect: 1, Price: 0.5, Promotion: 0.1, MinPrice: 1, MaxPrice: 3},
			{ID: 2, Effect: -1, Price: -0.5, Promotion: -0.1, MinPrice: 2, MaxPrice: 4},
		},
		Cells: [][]float64{{0.01, 0.02}, {0.03, 0.04}},
	}
}

func TestPredictByHand(t *testing.T) {
	m, err := NewLinear(small())
	if err != nil {
		t.Fatal(err)
	}
	date, _ := ParseDate("1990-06-14") // week 40 begins on this day, day 164 of the year counted from 0
	angle := 2 * math.Pi * (164 + 3.5) / 365.25
	season := 0.1*math.Sin(angle) + 0.2*math.Cos(angle)
	for _, test := range []struct {
		name string
		f    Features
		log  float64
		want Prediction
	}{
		{"known", Features{10, 1, date, 2, false}, 4 + 0.25 + 1 + 0.01, Prediction{}},
		{"price", Features{10, 1, date, 3, false}, 4 + 0.25 + 1 + 0.01 - 1.5*math.Log(1.5), Prediction{}},
		{"promotion", Features{20, 2, date, 2, true}, 4 - 0.25 - 1 + 0.04 + 0.4, Prediction{}},
		{"unknown store", Features{99, 2, date, 2, true}, 4 - 1 + 0.4, Prediction{UnknownStore: true}},
		{"unknown product", Features{10, 99, date, 4, true}, 3 + 0.25 + 0.7 - math.Log(2), Prediction{UnknownProduct: true}},
		{"price above", Features{10, 1, date, 1000, false}, 4 + 0.25 + 1 + 0.01 - 1.5*math.Log(3*1.25/2), Prediction{PriceHeld: true}},
		{"price below", Features{10, 1, date, 1e-300, false}, 4 + 0.25 + 1 + 0.01 - 1.5*math.Log(1/1.25/2), Prediction{PriceHeld: true}},
		{
			"nothing known", Features{99, 99, date, 29.99, false}, 3 - math.Log(4*1.25/2),
			Prediction{UnknownStore: true, UnknownProduct: true, PriceHeld: true},
		},
	} {
		got := m.Predict(test.f)
		units := math.Exp(test.log + season)
		if math.Abs(got.Units-units) > 1e-9*units {
			t.Errorf("%s: %v units, want %v", test.name, got.Units, units)
		}
		got.Units = 0
		if got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}

func TestNewLinearRefusesBrokenCoefficients(t *testing.T) {
	for want, breakIt := range map[string]func(*Coefficients){
		"season has 1":          func(c *Coefficients) { c.Season = c.Season[:1] },
		"1 rows of cells":       func(c *Coefficients) { c.Cells = c.Cells[:1] },
		"store 20 has 1 cells":  func(c *Coefficients) { c.Cells[1] = c.Cells[1][:1] },
		"product 2 has the":     func(c *Coefficients) { c.Products[1].MinPrice = 0 },
		"unknown product has":   func(c *Coefficients) { c.Unknown.MaxPrice = 0 },
		"product appears twice": func(c *Coefficients) { c.Products[1].ID = 1 },
	} {
		c := small()
		breakIt(&c)
		if _, err := NewLinear(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one about %q", err, want)
		}
	}
	for _, text := range []string{``, `{}`, `{"version":"v1"}`, `{"version":1}`} {
		if _, err := Load([]byte(text)); err == nil {
			t.Errorf("Load(%q) gave no error", text)
		}
	}
}
