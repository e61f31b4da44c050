package train

import (
	"math"

	"github.com/albatross-lb/albatross/retail/model"
)

// forecaster answers for a row it must not look at the units of.
type forecaster func(Row) float64

// scores are the errors of each method.
type scores map[string]*score

func (s scores) take(method string, rows []Row, forecast forecaster) {
	if s[method] == nil {
		s[method] = &score{}
	}
	s[method].take(rows, forecast)
}

func (s scores) evaluation(name string) model.Evaluation {
	e := model.Evaluation{Name: name, Rows: s[methodBoosted].rows}
	for _, method := range []string{
		methodBoosted, methodTrees, methodLinear, methodNaive, methodMean, methodSeasonal, methodNoStore, methodNoProduct, methodColdLine,
	} {
		if one := s[method]; one != nil {
			e.Errors = append(e.Errors, one.errors(method))
		}
	}
	return e
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
	return model.Errors{
		Method: method, MAPE: math.Round(10*s.mape()) / 10, WAPE: math.Round(10*s.wape()) / 10,
		Bias: percent(s.sum/s.units - 1),
	}
}

// mape and wape are in percent and not rounded, for comparing.
func (s *score) mape() float64 { return 100 * s.relative / float64(s.rows) }
func (s *score) wape() float64 { return 100 * s.absolute / s.units }

func percent(v float64) float64 { return math.Round(1000*v) / 10 }

// coverage counts the rows that fell into their intervals.
type coverage struct{ rows, below, above, promoted, promotedIn float64 }

func (c *coverage) take(r Row, p model.Prediction) {
	c.rows++
	in := false
	switch {
	case r.Units < p.Low:
		c.below++
	case r.Units > p.High:
		c.above++
	default:
		in = true
	}
	if r.Promotion {
		c.promoted++
		if in {
			c.promotedIn++
		}
	}
}

func (c *coverage) percent() *model.Coverage {
	return &model.Coverage{
		All: percent(1 - (c.below+c.above)/c.rows), Below: percent(c.below / c.rows), Above: percent(c.above / c.rows),
		Promotion: percent(c.promotedIn / c.promoted),
	}
}

// pair names the series of one product in one store.
type pair struct{ store, product int64 }

// past is what naive forecasts know: each series' weeks.
type past struct {
	last    map[pair]float64
	average map[pair]float64 // geometric: sales are skewed, and the plain mean's errors are twice as large
	weeks   map[pair]map[int]float64
	overall float64
}

func gather(rows []Row) *past {
	h := &past{last: map[pair]float64{}, average: map[pair]float64{}, weeks: map[pair]map[int]float64{}}
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

func (h *past) naive(r Row) float64 {
	if v, ok := h.last[pair{r.Store, r.Product}]; ok {
		return v
	}
	return h.overall
}

func (h *past) mean(r Row) float64 {
	if v, ok := h.average[pair{r.Store, r.Product}]; ok {
		return v
	}
	return h.overall
}

func (h *past) seasonal(r Row) float64 {
	if v, ok := h.weeks[pair{r.Store, r.Product}][r.Week-52]; ok {
		return v
	}
	return h.naive(r)
}
