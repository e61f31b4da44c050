package train

import (
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/albatross-lb/albatross/retail/model"
)

func TestReadCSV(t *testing.T) {
	prices := make([]string, Products)
	names := make([]string, Products)
	for i := range prices {
		prices[i], names[i] = "0.0625", "price"+string("123456789"[i%9])
	}
	names[9], names[10] = "price10", "price11"
	header := "feat,store,brand,week,logmove,extra," + strings.Join(names, ",") + "\n"
	tail := ",x," + strings.Join(prices, ",") + "\n"
	rows, err := ReadCSV(strings.NewReader(header + "0.5,2,11,41,9.0" + tail + "0,2,1,41,8.0" + tail + "0,5,2,40,7.0" + tail))
	if err != nil {
		t.Fatal(err)
	}
	want := []Row{
		{Store: 5, Product: 2, Week: 40, Units: math.Exp(7) / 96, Price: 0.0625 * 96},
		{Store: 2, Product: 1, Week: 41, Units: math.Exp(8) / 64, Price: 0.0625 * 64},
		{Store: 2, Product: 11, Week: 41, Units: math.Exp(9) / 128, Price: 0.0625 * 128, Promotion: true},
	}
	if !reflect.DeepEqual(rows, want) {
		t.Errorf("read %+v, want %+v", rows, want)
	}
	for text, mistake := range map[string]string{
		"":                              "header",
		"store,brand\n1,2\n":            `no column "week"`,
		header + "0,2,1,41,x" + tail:    `line 2: column "logmove": "x"`,
		header + "0,2,12,41,9" + tail:   "no product 12",
		header + "0,2,1,41,NaN" + tail:  "not a number",
		header + "0,2,1,41,9,x,0,0,0\n": "wrong number of fields",
		header + strings.Repeat("0,2,1,41,9"+tail, 2):                 "appears twice",
		header + strings.Replace("0,2,1,41,9"+tail, "0.0625", "0", 1): "price 0 is not above 0",
	} {
		if _, err := ReadCSV(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), mistake) {
			t.Errorf("%q: error %v, want one about %q", text, err, mistake)
		}
	}
}

func TestRidge(t *testing.T) {
	// y = 3 - 2x through three points, one of them twice as heavy, exactly.
	q := newNormal(2)
	for _, x := range []float64{0, 1, 5} {
		q.add([]term{{1, x}, {0, 1}}, 3-2*x, 1+x)
	}
	b, err := q.solve([]float64{0, 0})
	if err != nil || math.Abs(b[0]-3) > 1e-12 || math.Abs(b[1]+2) > 1e-12 {
		t.Errorf("solved %v, %v; want 3, -2", b, err)
	}
	// With one column of ones, ridge is the sum over the weight and the penalty.
	q = newNormal(1)
	q.add([]term{{0, 1}}, 6, 1)
	q.add([]term{{0, 1}}, 9, 1)
	if b, err := q.solve([]float64{3}); err != nil || math.Abs(b[0]-3) > 1e-12 {
		t.Errorf("solved %v, %v; want 3", b, err)
	}
	q = newNormal(2)
	q.add([]term{{0, 1}, {1, 1}}, 1, 1)
	if _, err := q.solve([]float64{0, 0}); err == nil {
		t.Error("two equal columns without a penalty were solved")
	}
}

// synthetic draws rows from a model that is known.
func synthetic(weeks int, noise float64) []Row {
	random := rand.New(rand.NewPCG(1, 2))
	var rows []Row
	for week := 1; week <= weeks; week++ {
		wave := model.SeasonWaves(model.SeasonDay(week), 2)
		for store := int64(1); store <= 6; store++ {
			for product := int64(1); product <= 4; product++ {
				r := Row{Store: store, Product: product, Week: week, Price: 1 + 3*random.Float64(), Promotion: random.IntN(3) == 0}
				log := 4 + 0.1*float64(store) - 0.3*float64(product) + 0.2*wave[0] - 0.1*wave[1]
				log -= (2 + 0.1*float64(product)) * math.Log(r.Price)
				if r.Promotion {
					log += 0.6
				}
				r.Units = math.Exp(log + noise*random.NormFloat64())
				rows = append(rows, r)
			}
		}
	}
	return rows
}

var loose = Settings{Harmonics: 1, SeasonPenalty: 1e-3, StorePenalty: 1e-3, ProductPenalty: 1e-3, SlopePenalty: 1e-3, CellPenalty: 1}

func TestFitRecoversWhatMadeTheData(t *testing.T) {
	rows := synthetic(104, 0.1)
	c, err := Fit(rows, loose)
	if err != nil {
		t.Fatal(err)
	}
	near := func(what string, got, want, within float64) {
		t.Helper()
		if math.Abs(got-want) > within {
			t.Errorf("%s is %v, want %v", what, got, want)
		}
	}
	for i, p := range c.Products {
		near("elasticity", c.Price+p.Price, -(2 + 0.1*float64(i+1)), 0.05)
		near("lift", c.Promotion+p.Promotion, 0.6, 0.05)
	}
	near("store 6 over store 1", c.Stores[5].Effect-c.Stores[0].Effect, 0.5, 0.03)
	near("sine", c.Season[0], 0.2, 0.02)
	near("cosine", c.Season[1], -0.1, 0.02)
	m, err := model.NewLinear(c)
	if err != nil {
		t.Fatal(err)
	}
	near("mean factor", MeanFactor(m, rows, loose), math.Exp(0.1*0.1/2), 0.005)
	var fresh score
	fresh.take(synthetic(104, 0), func(r Row) float64 { return m.Predict(r.Features()).Units })
	near("error on the data without noise, percent", fresh.errors("").MAPE, 0, 3)

	again, err := Fit(rows, loose)
	if err != nil || !reflect.DeepEqual(c, again) {
		t.Errorf("a second fit of the same rows differs (%v)", err)
	}
	if _, err := Fit(nil, loose); err == nil {
		t.Error("no rows were fitted")
	}
}

func TestHalfLife(t *testing.T) {
	s := Settings{HalfLife: 10}
	if s.weight(0) != 1 || s.weight(10) != 0.5 || (Settings{}).weight(50) != 1 {
		t.Errorf("weights %v, %v, %v; want 1, 0.5, 1", s.weight(0), s.weight(10), (Settings{}).weight(50))
	}
}

func TestMeanFactorWeighsByAge(t *testing.T) {
	c, err := Fit(synthetic(10, 0), loose)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.NewLinear(c)
	if err != nil {
		t.Fatal(err)
	}
	old, recent := synthetic(1, 0)[0], synthetic(11, 0)[10*24]
	old.Units, recent.Units = 1*m.Predict(old.Features()).Units, 4*m.Predict(recent.Features()).Units
	// Ten weeks at a half-life of ten weeks: (1/2 * 1 + 1 * 4) / (1/2 + 1).
	if got := MeanFactor(m, []Row{old, recent}, Settings{HalfLife: 10}); math.Abs(got-3) > 1e-4 {
		t.Errorf("mean factor %v; want 3", got)
	}
}

func TestBaselinesAndScore(t *testing.T) {
	h := gather([]Row{
		{Store: 1, Product: 1, Week: 1, Units: 10}, {Store: 1, Product: 1, Week: 2, Units: 40}, {Store: 2, Product: 1, Week: 2, Units: 70},
	})
	row := Row{Store: 1, Product: 1, Week: 53, Units: 50}
	if n, m, s := h.naive(row), h.mean(row), h.seasonal(row); n != 40 || math.Abs(m-20) > 1e-9 || s != 10 {
		t.Errorf("naive %v, mean %v, seasonal %v; want 40, 20, 10", n, m, s)
	}
	stranger := Row{Store: 9, Product: 1, Week: 99}
	if n, m, s := h.naive(stranger), h.mean(stranger), h.seasonal(stranger); n != 40 || m != 40 || s != 40 {
		t.Errorf("a series without history: %v, %v, %v; want the mean of all, 40", n, m, s)
	}
	var got score
	got.take([]Row{{Units: 10}, {Units: 40}}, func(r Row) float64 { return r.Units + 10 })
	if want := (model.Errors{Method: "x", MAPE: 62.5, WAPE: 40, Bias: 40}); got.errors("x") != want {
		t.Errorf("scored %+v, want %+v", got.errors("x"), want)
	}
}

func TestRound(t *testing.T) {
	c := model.Coefficients{Intercept: 1.23456789012345, Cells: [][]float64{{2.00000000001}}}
	round(reflect.ValueOf(&c).Elem())
	if c.Intercept != 1.23456789 || c.Cells[0][0] != 2 {
		t.Errorf("rounded to %+v", c)
	}
}
