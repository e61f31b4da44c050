package train

import (
	"io"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/albatross-lb/albatross/retail/model"
)

// What is known at the end of a week must not change with what is sold later. NaN equals NaN here: both are nothing.
func TestStatesLookAtNoLaterWeek(t *testing.T) {
	const until = 60
	rows := synthetic(90, 0.1)
	terms := newHistory(rows).terms(30)
	before := newHistory(rows).states(terms)
	for i := range rows {
		if rows[i].Week > until {
			rows[i].Units, rows[i].Price, rows[i].Promotion = 1e6, 0.01, !rows[i].Promotion
		}
	}
	after := newHistory(rows).states(terms)
	same := func(a, b *model.State) bool {
		for i := range a.Series {
			x, y := a.Series[i], b.Series[i]
			if x != y {
				return false
			}
		}
		for i := range a.Sizes {
			if a.Sizes[i] != b.Sizes[i] {
				return false
			}
		}
		return true
	}
	for i := range before {
		if week := i + 1; same(before[i], after[i]) != (week <= until) {
			t.Fatalf("week %d of %d: the same %v", week, until, same(before[i], after[i]))
		}
	}
}

// Each row is asked from two or three weeks before it, so that the weeks in between say nothing.
func TestMatrixKeepsTheGap(t *testing.T) {
	rows := synthetic(40, 0.1)
	h := newHistory(rows)
	states := h.states(h.terms(30))
	for i, s := range states { // mark each state with its week
		for j := range s.Series {
			s.Series[j].Promotions = float32(i + 1)
		}
		for j := range s.Terms {
			s.Terms[j].Average.Promotions = float32(i + 1)
		}
	}
	m := h.matrix(rows, states, Growth{HalfLife: 40})
	columns, place := len(model.Inputs), -1
	for i, in := range model.Inputs {
		if in.Name == "promotions" {
			place = i
		}
	}
	gaps, at := map[int]int{}, 0
	for _, r := range rows {
		if r.Week < h.first+warmUp {
			continue
		}
		for ; at < len(m.labels) && m.labels[at] == float32(math.Log(r.Units)); at++ {
			if origin := m.vectors[at*columns+place]; origin == origin { // NaN where the product is hidden
				gaps[r.Week-int(origin)]++
			}
		}
	}
	if at != len(m.labels) || len(gaps) != 2 || gaps[2] == 0 || gaps[3] == 0 {
		t.Errorf("of %d rows %d were seen, by weeks since their origin: %v", len(m.labels), at, gaps)
	}
	if more := float64(len(m.labels)) / float64((40-warmUp)*24); more < 1.2 || more > 1.3 {
		t.Errorf("%v times as many rows, want 1.25: a tenth, a tenth and a twentieth with something hidden", more)
	}
}

// What a row counts for rises with the units that were to be expected, and does not follow what is sold in its own week or the one before.
func TestMatrixWeighsByVolume(t *testing.T) {
	const week = 30
	rows := synthetic(week, 0.1)
	grow := func(power float64) *matrix {
		h := newHistory(rows)
		terms := make([]model.ProductTerms, len(h.products)) // none: they are fitted to all weeks
		return h.matrix(rows, h.states(terms), Growth{HalfLife: 1e9, Volume: power})
	}
	alike, root, whole := grow(0), grow(0.5), grow(1)
	least, most := math.Inf(1), 0.0
	for i := range alike.weights {
		one, half, full := float64(alike.weights[i]), float64(root.weights[i]), float64(whole.weights[i])
		if math.Abs(half*half/one-full) > 1e-5*full {
			t.Fatalf("row %d counts %v, %v by the root and %v by volume", i, one, half, full)
		}
		if one == 1 {
			least, most = min(least, full), max(most, full)
		}
	}
	if least < 0.01 || most > 10 || most < 3*least {
		t.Errorf("rows count from %v to %v", least, most)
	}
	for i := range rows {
		if rows[i].Week >= week-gap {
			rows[i].Units *= 1000
		}
	}
	if after := grow(1); !slices.Equal(whole.weights, after.weights) {
		t.Error("rows count otherwise when more was sold in the last week and the gap")
	}
}

func TestTerms(t *testing.T) {
	for i, term := range newHistory(synthetic(104, 0.1)).terms(30) {
		if want := -(2 + 0.1*float64(i+1)); math.Abs(float64(term.Elasticity)-want) > 0.2 || math.Abs(float64(term.Lift)-0.6) > 0.1 {
			t.Errorf("product %d: elasticity %v, lift %v; want %v, 0.6", i+1, term.Elasticity, term.Lift, want)
		}
	}
}

func TestReadTrees(t *testing.T) {
	// Above: is feature 3 below 0.5, missing right? Left a leaf; right: is feature 1 below 2, missing left?
	const text = `{"learner":{"learner_model_param":{"base_score":"2.5E0"},"gradient_booster":{"model":{"trees":[{
		"left_children":[1,-1,3,-1,-1],"right_children":[2,-1,4,-1,-1],"split_indices":[3,0,1,0,0],
		"split_conditions":[0.5,10.0,2.0,20.0,30.0],"default_left":[0,0,1,0,0]}]}}}}`
	g, err := readTrees([]byte(text))
	if err != nil || g.base != 2.5 || len(g.trees) != 1 {
		t.Fatalf("%+v, %v", g, err)
	}
	f, err := model.NewForest(len(model.Inputs), g.base, g.trees)
	if err != nil {
		t.Fatal(err)
	}
	nan := float32(math.NaN())
	for _, test := range []struct{ three, one, want float32 }{{0, 0, 12.5}, {0.5, 1, 22.5}, {1, 2, 32.5}, {nan, 5, 32.5}, {nan, nan, 22.5}} {
		v := [model.MaxInputs]float32{3: test.three, 1: test.one}
		if got := f.Sum(&v); got != test.want {
			t.Errorf("%v, %v: %v, want %v", test.three, test.one, got, test.want)
		}
	}
	deep := `{"learner":{"learner_model_param":{"base_score":"0"},"gradient_booster":{"model":{"trees":[{
		"left_children":[1,2,3,4,5,6,7,-1],"right_children":[1,2,3,4,5,6,7,-1],"split_indices":[0,0,0,0,0,0,0,0],
		"split_conditions":[0,0,0,0,0,0,0,0],"default_left":[0,0,0,0,0,0,0,0]}]}}}}`
	for _, broken := range []string{"", "{}", strings.Replace(text, "2.5E0", "x", 1), deep} {
		if _, err := readTrees([]byte(broken)); err == nil {
			t.Errorf("%s was read", broken)
		}
	}
}

func TestQuantiles(t *testing.T) {
	var logs []float64
	for i := range 99 {
		logs = append(logs, float64(98-i)) // 0 to 98, backwards
	}
	if q := quantiles(logs); q != (model.Quantiles{Low: 9, High: 89}) { // the 10th and the 90th
		t.Errorf("%+v", q)
	}
	var all []residual
	for i := range 3 * leastResiduals {
		all = append(all, residual{week: i % 2, product: int64(1 + i%3), kind: known, log: float64(i % 3)})
	}
	q := intervals(all, []int64{1, 2, 3}, 0)
	if q.Known[0][0].Low != 0 || q.Known[0][0].High != 2 { // too few of week 0: those of all products
		t.Errorf("few residuals: %+v", q.Known)
	}
	if q = intervals(all, []int64{1, 2, 3}, 1); q.Known[1][0] != (model.Quantiles{Low: 1, High: 1}) || q.Known[1][1] != (model.Quantiles{}) {
		t.Errorf("enough residuals: %+v", q.Known)
	}
}

// With XGBoost at hand: forecasts must not follow what is sold in the weeks they forecast.
func TestForecastsLookAtNothingTheyForecast(t *testing.T) {
	const python = "/usr/bin/python3"
	if exec.Command(python, "-c", "import xgboost").Run() != nil {
		t.Skip("no XGBoost (Debian: apt-get install python3-xgboost)")
	}
	b, err := StartBooster(python)
	if err != nil {
		t.Fatal(err)
	}
	rows := synthetic(80, 0.1)
	measure := func() (own, linear model.Errors) {
		e, s := evaluation{rows: rows, booster: b, progress: io.Discard}, scores{}
		if err := e.take(lastWeeks(rows, 13), s, &coverage{}); err != nil {
			t.Fatal(err)
		}
		if e.report.Worst > 1e-6 || e.report.Compared != 13*24 || len(e.residuals) != 2*13*24 {
			t.Errorf("%v off the trainer over %d rows, %d residuals", e.report.Worst, e.report.Compared, len(e.residuals))
		}
		return s[methodBoosted].errors(""), s[methodLinear].errors("")
	}
	honest, _ := measure()
	for i := range rows {
		if rows[i].Week > 67 {
			rows[i].Units *= 10
		}
	}
	tenfold, _ := measure()
	if honest.WAPE > 35 || tenfold.WAPE < 85 || tenfold.WAPE > 95 {
		t.Errorf("WAPE %v, and %v with ten times the sales; want under 35 and about 90", honest.WAPE, tenfold.WAPE)
	}
	folder := b.folder
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(folder); err == nil {
		t.Error("the trainer's folder is left behind")
	}
}

// The interval is wide where the groups disagree, and rows of one group count together.
func TestAgainst(t *testing.T) {
	right := func(r Row) float64 { return r.Units }
	twice := func(r Row) float64 { return 2 * r.Units }
	var all against
	for week := range 40 {
		rows := []Row{{Product: 1, Week: week, Units: 10}, {Store: 1, Product: 1, Week: week, Units: 30}}
		if week%2 == 0 {
			all.take(rows, twice, right)
		} else {
			all.take(rows, right, right)
		}
	}
	c := all.compare()
	if len(all.groups) != 40 || c.MAPE.Is != 50 || c.WAPE.Is != 50 || c.MAPE.Low > 37 || c.MAPE.Low < 30 || c.MAPE.High < 63 || c.MAPE.High > 70 {
		t.Errorf("%d groups, %+v", len(all.groups), c)
	}
	if again := all.compare(); again != c {
		t.Errorf("%+v the second time, %+v the first", again, c)
	}
}

func TestReference(t *testing.T) {
	rows := synthetic(52, 0)
	r := reference(rows)
	for name, shares := range map[string][]float64{"prices": r.Prices, "months": r.Months, "promotions": r.Promotions} {
		sum := 0.0
		for _, s := range shares {
			sum += s
		}
		if math.Abs(sum-1) > 1e-4 {
			t.Errorf("%s add up to %v", name, sum)
		}
	}
	if len(r.Stores) != 6 || len(r.Products) != 4 || len(r.Prices) != len(r.PriceEdges)+1 || !(r.MinPrice >= 1 && r.MaxPrice <= 4) {
		t.Errorf("%+v", r)
	}
}
