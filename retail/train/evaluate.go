package train

import (
	"fmt"
	"math"

	"github.com/albatross-lb/albatross/retail/model"
)

// hold is one piece of an evaluation: forecast the weeks From to To knowing the weeks up to Known.
type hold struct {
	known, from, to int
}

// lastWeeks holds out the last n weeks of the rows in one piece.
func lastWeeks(rows []Row, n int) []hold {
	last := rows[len(rows)-1].Week
	return []hold{{known: last - n, from: last - n + 1, to: last}}
}

// tsperfRounds are the twelve rounds of Microsoft's TSPerf benchmark on the same data: forecast two weeks, one week ahead,
// then move on by two weeks. Published errors of other methods can be set beside these.
func tsperfRounds() []hold {
	var rounds []hold
	for known := 135; known <= 157; known += 2 {
		rounds = append(rounds, hold{known: known, from: known + 2, to: known + 3})
	}
	return rounds
}

// forecaster answers for a row it must not look at the units of.
type forecaster func(Row) float64

// Evaluate measures the model and naive forecasts on weeks that were not fitted.
func Evaluate(rows []Row, s Settings) ([]model.Evaluation, error) {
	last := rows[len(rows)-1].Week
	held, rounds := lastWeeks(rows, 13), tsperfRounds()
	plain, err := evaluate(fmt.Sprintf("last 13 weeks (weeks %d to %d), fitted once on the weeks before", last-12, last), rows, held, s)
	if err != nil {
		return nil, err
	}
	cold, err := evaluateCold(rows, held[0], s)
	if err != nil {
		return nil, err
	}
	plain.Errors = append(plain.Errors, cold)
	tsperf, err := evaluate("TSPerf protocol: 12 rounds, each forecasts 2 weeks after a gap of 1 week", rows, rounds, s)
	return []model.Evaluation{plain, tsperf}, err
}

func evaluate(name string, rows []Row, holds []hold, s Settings) (model.Evaluation, error) {
	var fitted, means, naive, average, seasonal score
	for _, h := range holds {
		known, test := between(rows, 0, h.known), between(rows, h.from, h.to)
		c, err := Fit(known, s)
		if err != nil {
			return model.Evaluation{}, fmt.Errorf("evaluating on %s: %w", name, err)
		}
		m, err := model.New(c)
		if err != nil {
			return model.Evaluation{}, err
		}
		typical := func(r Row) float64 { return m.Predict(r.Features()).Units }
		fitted.take(test, typical)
		means.take(test, func(r Row) float64 { return c.MeanFactor * typical(r) })
		series := gather(known)
		naive.take(test, series.naive)
		average.take(test, series.mean)
		seasonal.take(test, series.seasonal)
	}
	return model.Evaluation{Name: name, Rows: fitted.rows, Errors: []model.Errors{
		fitted.errors("model"), means.errors("model, mean in place of median"),
		naive.errors("naive (last known week)"), average.errors("geometric mean of all known weeks"),
		seasonal.errors("seasonal naive (same week a year ago)"),
	}}, nil
}

// evaluateCold forecasts each product by a model that was never shown it.
func evaluateCold(rows []Row, h hold, s Settings) (model.Errors, error) {
	var cold score
	for product := int64(1); product <= Products; product++ {
		var others, its []Row
		for _, r := range rows {
			switch {
			case r.Product != product && r.Week <= h.known:
				others = append(others, r)
			case r.Product == product && r.Week >= h.from && r.Week <= h.to:
				its = append(its, r)
			}
		}
		c, err := Fit(others, s)
		if err != nil {
			return model.Errors{}, fmt.Errorf("evaluating without product %d: %w", product, err)
		}
		m, err := model.New(c)
		if err != nil {
			return model.Errors{}, err
		}
		cold.take(its, func(r Row) float64 { return m.Predict(r.Features()).Units })
	}
	return cold.errors("model, each product left out of training in turn"), nil
}

// between returns the rows of the weeks from to to, both included.
func between(rows []Row, from, to int) []Row {
	var some []Row
	for _, r := range rows {
		if r.Week >= from && r.Week <= to {
			some = append(some, r)
		}
	}
	return some
}

// score adds up errors.
type score struct {
	rows                           int
	relative, absolute, sum, units float64
}

func (s *score) take(rows []Row, forecast forecaster) {
	for _, r := range rows {
		f := forecast(r)
		s.rows++
		s.relative += math.Abs(f-r.Units) / r.Units
		s.absolute += math.Abs(f - r.Units)
		s.sum += f
		s.units += r.Units
	}
}

func (s *score) errors(method string) model.Errors {
	percent := func(v float64) float64 { return math.Round(1000*v) / 10 }
	return model.Errors{
		Method: method, MAPE: percent(s.relative / float64(s.rows)), WAPE: percent(s.absolute / s.units),
		Bias: percent(s.sum/s.units - 1),
	}
}

// pair names the series of one product in one store.
type pair struct{ store, product int64 }

// history is what naive forecasts know: each series' weeks.
type history struct {
	last    map[pair]float64
	average map[pair]float64 // geometric: sales are skewed, and the plain mean's errors are twice as large
	weeks   map[pair]map[int]float64
	overall float64
}

func gather(rows []Row) *history {
	h := &history{last: map[pair]float64{}, average: map[pair]float64{}, weeks: map[pair]map[int]float64{}}
	for _, r := range rows { // sorted by week, so the last one stays
		p := pair{r.Store, r.Product}
		if h.weeks[p] == nil {
			h.weeks[p] = map[int]float64{}
		}
		h.weeks[p][r.Week] = r.Units
		h.last[p] = r.Units
		h.average[p] += math.Log(r.Units)
		h.overall += r.Units / float64(len(rows))
	}
	for p := range h.average {
		h.average[p] = math.Exp(h.average[p] / float64(len(h.weeks[p])))
	}
	return h
}

func (h *history) naive(r Row) float64 {
	if v, ok := h.last[pair{r.Store, r.Product}]; ok {
		return v
	}
	return h.overall
}

func (h *history) mean(r Row) float64 {
	if v, ok := h.average[pair{r.Store, r.Product}]; ok {
		return v
	}
	return h.overall
}

func (h *history) seasonal(r Row) float64 {
	if v, ok := h.weeks[pair{r.Store, r.Product}][r.Week-52]; ok {
		return v
	}
	return h.naive(r)
}
