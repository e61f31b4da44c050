package train

import (
	"fmt"
	"io"
	"math"

	"github.com/albatross-lb/albatross/retail/model"
)

// hold is one piece of an evaluation: forecast the weeks from to to knowing the weeks up to known.
type hold struct {
	known, from, to int
}

// lastWeeks holds out the last n weeks of the rows in one piece.
func lastWeeks(rows []Row, n int) hold {
	last := rows[len(rows)-1].Week
	return hold{known: last - n, from: last - n + 1, to: last}
}

// tsperfRounds are the twelve rounds of Microsoft's TSPerf benchmark on the same data: forecast two weeks, one week ahead,
// then move on by two weeks. Published errors of other methods can be set beside these.
func tsperfRounds() []hold { return rounds(135, 157, 2) }

// earlierRounds come before all weeks that errors are reported of: theirs begin the intervals. Before them there were few weeks
// to learn from, and errors larger than they are now.
func earlierRounds() []hold { return rounds(111, 133, 2) }

// choosingRounds serve to choose settings. The last week forecast is 135, the first origin of tsperfRounds.
func choosingRounds() []hold { return rounds(100, 132, 4) }

func rounds(first, last, step int) []hold {
	var all []hold
	for known := first; known <= last; known += step {
		all = append(all, hold{known: known, from: known + 1 + gap, to: known + 2 + gap})
	}
	return all
}

// published are errors of others in the twelve rounds (TSPerf, retail sales, orange juice, point forecasting).
var published = []model.Published{
	{Method: "LightGBM (published)", MAPE: 36.3}, {Method: "dilated CNN (published)", MAPE: 37.1}, {Method: "RNN (published)", MAPE: 37.7},
	{Method: "AutoARIMA (published)", MAPE: 70.8}, {Method: "ETS (published)", MAPE: 71.0},
}

// Report is what an evaluation found.
type Report struct {
	// Evaluations set the boosted model beside the others, on the last 13 weeks and on the TSPerf rounds.
	Evaluations []model.Evaluation
	// Intervals are of all forecasts made, for the model that serves.
	Intervals model.Intervals
	// Against sets the boosted model's errors in the TSPerf rounds against the log-linear one's.
	Against Against
	// MeanFactor is that of the boosted model.
	MeanFactor float64
	// Worst is the largest relative difference between the trainer's answer and the model's, over Compared forecasts.
	Worst    float64
	Compared int
	// Forecasts are those of the TSPerf rounds.
	Forecasts []Forecast
}

// Forecast is one row of the TSPerf rounds, with what the boosted model said of it.
type Forecast struct {
	Row
	model.Prediction
}

// The methods, in the order of the report.
const (
	methodBoosted   = "boosted trees with log-linear (the model)"
	methodTrees     = "the trees alone"
	methodLinear    = "log-linear"
	methodNaive     = "naive (last known week)"
	methodMean      = "geometric mean of all known weeks"
	methodSeasonal  = "seasonal naive (same week a year ago)"
	methodNoStore   = "the model, store unknown"
	methodNoProduct = "the model, product left out of training"
	methodColdLine  = "log-linear, product left out of training"
)

// evaluation gathers what is needed on the way.
type evaluation struct {
	rows      []Row
	booster   *Booster
	progress  io.Writer
	report    Report
	residuals []residual
	against   against // in the TSPerf rounds
}

// Evaluate measures the models and naive forecasts on weeks that were not fitted. It takes some minutes; progress is told
// what it is at.
func Evaluate(rows []Row, b *Booster, progress io.Writer) (*Report, error) {
	e := &evaluation{rows: rows, booster: b, progress: progress}
	for _, h := range earlierRounds() {
		if err := e.take(h, nil, nil); err != nil {
			return nil, err
		}
	}
	tsperf, covered := scores{}, &coverage{}
	for _, h := range tsperfRounds() {
		if err := e.take(h, tsperf, covered); err != nil {
			return nil, err
		}
	}
	e.report.Against = e.against.compare()
	rolling := len(e.residuals) // those of forecasts two and three weeks ahead
	plain, last := scores{}, lastWeeks(rows, 13)
	if err := e.take(last, plain, nil); err != nil {
		return nil, err
	}
	e.residuals = e.residuals[:rolling] // the same weeks again
	e.report.MeanFactor = meanFactor(e.residuals)
	if err := e.cold(last, plain); err != nil {
		return nil, err
	}
	e.report.Intervals = intervals(e.residuals, newHistory(rows).products, math.MaxInt)
	end := rows[len(rows)-1].Week
	held := plain.evaluation(fmt.Sprintf("last 13 weeks (weeks %d to %d), fitted once on the weeks before", end-12, end))
	twelve := tsperf.evaluation("TSPerf protocol: 12 rounds, each forecasts 2 weeks after a gap of 1 week")
	twelve.Coverage, twelve.Published = covered.percent(), published
	e.report.Evaluations = []model.Evaluation{held, twelve}
	return &e.report, nil
}

// take forecasts one piece by all methods.
func (e *evaluation) take(h hold, to scores, covered *coverage) error {
	fmt.Fprintf(e.progress, "weeks %d to %d from those up to %d\n", h.from, h.to, h.known)
	past, test := between(e.rows, 0, h.known), between(e.rows, h.from, h.to)
	fit, err := boost(e.booster, past, questions(test), Grown)
	if err != nil {
		return fmt.Errorf("forecasting weeks %d to %d: %w", h.from, h.to, err)
	}
	e.report.Worst, e.report.Compared = max(e.report.Worst, fit.worst), e.report.Compared+len(test)
	if to != nil {
		if err := to.compare(past, test, fit); err != nil {
			return err
		}
	}
	if covered != nil {
		// Only errors that were known by then make the intervals.
		linear, err := model.NewLinear(fit.linear)
		if err != nil {
			return err
		}
		e.against.take(test, units(fit.model), units(linear))
		m, err := fit.assemble(intervals(e.residuals, fit.state.Products, h.known))
		if err != nil {
			return err
		}
		for _, r := range test {
			p := m.Predict(r.Features())
			covered.take(r, p)
			e.report.Forecasts = append(e.report.Forecasts, Forecast{r, p})
		}
	}
	e.remember(test, fit.model, known, func(f model.Features) model.Features { return f })
	e.remember(test, fit.model, unknownStore, hideStore)
	return nil
}

// compare takes in the forecasts of all methods that know the past.
func (s scores) compare(past, test []Row, fit *boosted) error {
	linear, err := model.NewLinear(fit.linear)
	if err != nil {
		return err
	}
	s.take(methodBoosted, test, units(fit.model))
	s.take(methodTrees, test, fit.trees())
	s.take(methodNoStore, test, func(r Row) float64 { return fit.model.Predict(hideStore(r.Features())).Units })
	s.take(methodLinear, test, units(linear))
	series := gather(past)
	s.take(methodNaive, test, series.naive)
	s.take(methodMean, test, series.mean)
	s.take(methodSeasonal, test, series.seasonal)
	return nil
}

// cold forecasts each product by a model that was never shown it.
func (e *evaluation) cold(h hold, to scores) error {
	for product := int64(1); product <= Products; product++ {
		fmt.Fprintf(e.progress, "product %d from the others\n", product)
		var others, its []Row
		for _, r := range e.rows {
			switch {
			case r.Product != product && r.Week <= h.known:
				others = append(others, r)
			case r.Product == product && r.Week >= h.from && r.Week <= h.to:
				its = append(its, r)
			}
		}
		fit, err := boost(e.booster, others, questions(its), Grown)
		if err != nil {
			return fmt.Errorf("evaluating without product %d: %w", product, err)
		}
		to.take(methodNoProduct, its, units(fit.model))
		e.remember(its, fit.model, unknownProduct, func(f model.Features) model.Features { return f })
		e.remember(its, fit.model, unknown, hideStore)
		linear, err := model.NewLinear(fit.linear)
		if err != nil {
			return err
		}
		to.take(methodColdLine, its, units(linear))
	}
	return nil
}

func (e *evaluation) remember(rows []Row, m *model.Boosted, k kind, as func(model.Features) model.Features) {
	for _, r := range rows {
		e.residuals = append(e.residuals, residual{
			week: r.Week, product: r.Product, promotion: r.Promotion, kind: k,
			log: math.Log(r.Units) - math.Log(m.Predict(as(r.Features())).Units),
		})
	}
}

// units forecasts by a model.
func units(m model.Predictor) forecaster {
	return func(r Row) float64 { return m.Predict(r.Features()).Units }
}

func questions(rows []Row) []model.Features {
	all := make([]model.Features, len(rows))
	for i, r := range rows {
		all[i] = r.Features()
	}
	return all
}

// hideStore asks the same of a store nobody knows.
func hideStore(f model.Features) model.Features {
	f.StoreID = -1
	return f
}

// meanFactor is the mean of units over forecasts (Duan's smearing estimator, from forecasts in place of fits).
func meanFactor(all []residual) float64 {
	var sum, n float64
	for _, r := range all {
		if r.kind == known {
			sum, n = sum+math.Exp(r.log), n+1
		}
	}
	return math.Round(1e4*sum/n) / 1e4
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
