package train

import (
	"fmt"
	"io"
	"math"

	"github.com/albatross-lb/albatross/retail/model"
)

// Nothing that is chosen may look at what it is measured on. Settings of the trees are chosen on rounds whose weeks all lie before the
// first origin of the TSPerf rounds ([Choose]). The blend of trees and regression is chosen at each origin anew, by the
// forecasts of earlier rounds whose weeks were known by then ([trials.blend]): it is part of training, so that what a round
// reports is what somebody would have got who had trained at its origin.

// Growth are the choices behind growing trees. The names are XGBoost's where it has one.
type Growth struct {
	// HalfLife is the age in weeks at which a row counts half.
	HalfLife float64 `json:"-"`
	// Gamma is the loss's share of gamma deviance, which looks at the mean of units; the rest is squared error of log units, which
	// looks at the typical week.
	Gamma float64 `json:"gamma"`
	// Eta is the learning rate; LeastWeight what the rows of a leaf count for at least; Columns the share of features that a
	// tree sees; Shrink the weight of the squared leaves in the loss.
	Eta         float64 `json:"eta"`
	LeastWeight float64 `json:"min_child_weight"`
	Columns     float64 `json:"colsample_bytree"`
	Shrink      float64 `json:"lambda"`
}

// Grown are those of the model in the repository: the ones [Choose] finds best.
var Grown = Growth{HalfLife: 40, Gamma: 0, Eta: 0.03, LeastWeight: 20, Columns: 0.7, Shrink: 1}

// candidate is one change of Grown.
type candidate struct {
	name   string
	change func(*Growth)
}

var candidates = []candidate{
	{"as they are", func(*Growth) {}},
	{"half-life 25 weeks", func(g *Growth) { g.HalfLife = 25 }},
	{"half-life 80 weeks", func(g *Growth) { g.HalfLife = 80 }},
	{"30% gamma deviance", func(g *Growth) { g.Gamma = 0.3 }},
	{"60% gamma deviance", func(g *Growth) { g.Gamma = 0.6 }},
	{"eta 0.02", func(g *Growth) { g.Eta = 0.02 }},
	{"eta 0.05", func(g *Growth) { g.Eta = 0.05 }},
	{"min_child_weight 5", func(g *Growth) { g.LeastWeight = 5 }},
	{"min_child_weight 60", func(g *Growth) { g.LeastWeight = 60 }},
	{"colsample_bytree 0.4", func(g *Growth) { g.Columns = 0.4 }},
	{"lambda 20", func(g *Growth) { g.Shrink = 20 }},
}

// Choose prints how trees grown with one setting changed do on the weeks before all reported ones, blended as they go best. It takes
// some minutes.
func Choose(rows []Row, b *Booster, out io.Writer) error {
	fmt.Fprintf(out, "%-22s %22s %27s %s\n%-22s %11s %10s %12s %14s\n", "", "the trees alone", "with the best blend", "", "settings", "MAPE", "WAPE", "MAPE", "WAPE")
	for _, c := range candidates {
		g := Grown
		c.change(&g)
		var all trials
		for _, h := range choosingRounds() {
			past, test := between(rows, 0, h.known), between(rows, h.from, h.to)
			fit, err := boost(b, past, questions(test), g)
			if err != nil {
				return err
			}
			if err := all.add(test, fit); err != nil {
				return err
			}
		}
		alone, best := all.errors(model.Blend{}), all.errors(all.blend(math.MaxInt))
		fmt.Fprintf(out, "%-22s %11.2f %10.2f %12.2f %14.2f\n", c.name, alone.MAPE, alone.WAPE, best.MAPE, best.WAPE)
	}
	return nil
}

// trial is what trees and regression said of one row, in log units.
type trial struct {
	week                 int
	units, trees, linear float64
}

type trials []trial

// add takes in what a fit says of rows it was not fitted to.
func (t *trials) add(test []Row, fit *boosted) error {
	linear, err := model.NewLinear(fit.linear)
	if err != nil {
		return err
	}
	for i, r := range test {
		*t = append(*t, trial{
			week: r.Week, units: r.Units, trees: float64(fit.grown.forecasts[i]), linear: math.Log(linear.Predict(r.Features()).Units),
		})
	}
	return nil
}

// even is the blend before there is any trial.
var even = model.Blend{Linear: 0.5}

// blend returns the blend with the smallest absolute errors over the trials of the weeks up to last: the regression's weight in tenths
// and the lean in hundredths, down to 0.85. Absolute errors and not relative ones, which are smallest for forecasts that are
// too low.
func (t trials) blend(last int) model.Blend {
	var known trials
	for _, one := range t {
		if one.week <= last {
			known = append(known, one)
		}
	}
	if len(known) == 0 {
		return even
	}
	best, least := even, math.Inf(1)
	for tenths := range 11 {
		for hundredths := 100; hundredths >= 85; hundredths-- {
			b := model.Blend{Linear: float64(tenths) / 10, Lean: math.Log(float64(hundredths) / 100)}
			if _, absolute := known.sums(b); absolute < least {
				best, least = b, absolute
			}
		}
	}
	return best
}

// sums adds up relative and absolute errors.
func (t trials) sums(b model.Blend) (relative, absolute float64) {
	for i := range t {
		one := &t[i]
		off := math.Abs(math.Exp((1-b.Linear)*one.trees+b.Linear*one.linear+b.Lean) - one.units)
		relative, absolute = relative+off/one.units, absolute+off
	}
	return relative, absolute
}

// errors are not rounded, for comparing.
func (t trials) errors(b model.Blend) model.Errors {
	relative, absolute := t.sums(b)
	units := 0.0
	for _, one := range t {
		units += one.units
	}
	return model.Errors{MAPE: 100 * relative / float64(len(t)), WAPE: 100 * absolute / units}
}
