package model

import (
	"math"
	"strings"
	"testing"
	"time"
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
	m, err := New(small())
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

func TestNewRefusesBrokenCoefficients(t *testing.T) {
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
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one about %q", err, want)
		}
	}
	for _, text := range []string{``, `{}`, `{"version":"v1"}`, `{"version":1}`} {
		if _, err := Load([]byte(text)); err == nil {
			t.Errorf("Load(%q) gave no error", text)
		}
	}
}

// The model in the binary has to keep what its users rely on, whatever it was trained with last.
func TestEmbedded(t *testing.T) {
	m, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	if m.Version != "v1.0" || m.Training.Rows != 106139 || len(m.Evaluations) != 2 {
		t.Errorf("version %q, %d rows, %d evaluations", m.Version, m.Training.Rows, len(m.Evaluations))
	}
	for _, e := range m.Evaluations {
		model, naive := e.Errors[0], e.Errors[2]
		if model.MAPE > naive.MAPE*0.6 || model.WAPE > naive.WAPE*0.7 {
			t.Errorf("%s: model %+v does not clearly beat %+v", e.Name, model, naive)
		}
	}
	cold := m.Predict(Features{StoreID: 1, ProductID: 123, Date: DateOf(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)), Price: 29.99})
	if !(cold.Units > 5 && cold.Units < 500) || !cold.UnknownProduct || !cold.UnknownStore || !cold.PriceHeld {
		t.Errorf("the documented question is answered by %+v", cold)
	}
}

// Units never rise with the price and never fall with a promotion, for any store and product, known or not.
func TestEmbeddedIsMonotone(t *testing.T) {
	m, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	stores, products := []int64{-1}, []int64{-1}
	for _, s := range m.Coefficients.Stores {
		stores = append(stores, s.ID)
	}
	for _, p := range m.Coefficients.Products {
		products = append(products, p.ID)
	}
	for _, store := range stores {
		for _, product := range products {
			last := math.Inf(1)
			for price := 0.01; price < 100; price *= 1.1 {
				plain := m.Predict(Features{StoreID: store, ProductID: product, Price: price}).Units
				promoted := m.Predict(Features{StoreID: store, ProductID: product, Price: price, Promotion: true}).Units
				if !(plain > 0) || plain > last || !(promoted > plain) || math.IsInf(promoted, 0) {
					t.Fatalf("store %d, product %d, price %.2f: %v units, %v promoted, %v at the price before", store, product, price, plain, promoted, last)
				}
				last = plain
			}
		}
	}
}

func TestWeeks(t *testing.T) {
	m, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		date string
		week int
	}{
		{"1989-09-14", 1}, {"1989-09-20", 1}, {"1989-09-21", 2}, {"1989-09-13", 0}, {"1989-09-07", 0}, {"1989-09-06", -1},
		{"1990-06-14", 40}, {"1992-10-07", 160}, {"2024-01-01", 1790}, {"0001-01-01", -103765}, {"9999-12-31", 417958},
	} {
		d, ok := ParseDate(test.date)
		if !ok || d.Week() != test.week || d.String() != test.date {
			t.Errorf("%s: read as %s (%v), week %d, want %d", test.date, d, ok, d.Week(), test.week)
		}
		if start := WeekStart(d.Week()); start > d || start+6 < d {
			t.Errorf("%s: its week begins on %s", test.date, start)
		}
		first := m.Predict(Features{StoreID: 2, ProductID: 1, Date: WeekStart(d.Week()), Price: 2})
		if got := m.Predict(Features{StoreID: 2, ProductID: 1, Date: d, Price: 2}); got != first {
			t.Errorf("%s: %v, but %v on the first day of the week", test.date, got, first)
		}
	}
}

func FuzzParseDate(f *testing.F) {
	for _, s := range []string{"2024-01-01", "2023-02-29", "2024-02-29", "0000-01-01", "2024-13-01", "2024-1-01", "+024-01-01"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, ok := ParseDate(s)
		want, err := time.Parse(time.DateOnly, s)
		if ok != (err == nil && want.Year() > 0) {
			t.Fatalf("ParseDate(%q) = %v, %v; time.Parse: %v, %v", s, d, ok, want, err)
		}
		if ok && !d.Time().Equal(want) {
			t.Fatalf("ParseDate(%q) = %v, want %v", s, d, want)
		}
	})
}

func BenchmarkPredict(b *testing.B) {
	m, err := Embedded()
	if err != nil {
		b.Fatal(err)
	}
	f := Features{StoreID: 2, ProductID: 1, Date: 12000, Price: 2.5, Promotion: true}
	b.ReportAllocs()
	for b.Loop() {
		m.Predict(f)
	}
}
