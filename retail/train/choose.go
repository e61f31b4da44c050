package train

import (
	"fmt"
	"io"
)

// Nothing that is chosen may look at what it is measured on. Settings of the trees are chosen on rounds whose weeks all lie before the
// first origin of the TSPerf rounds ([Choose]). The blend of trees and regression is not chosen at all.

// linearWeight is that of the regression in the blend; the trees have the rest. Half and half is what one mixes without knowing better,
// and weights learned from earlier forecasts did worse than it (docs/retail-model.md).
const linearWeight = 0.5

// Growth are the choices behind growing trees. The names are XGBoost's where it has one.
type Growth struct {
	// HalfLife is the age in weeks at which a row counts half.
	HalfLife float64 `json:"-"`
	// Volume is the power of the expected units that a row counts for: at 0 rows count alike, at 1 packages do, as they do in WAPE.
	Volume float64 `json:"-"`
	// Width is that of the pseudo-Huber loss, in log units: it looks at the mean of what is off by less, and at the median of what is off
	// by more.
	Width float64 `json:"width"`
	// Eta is the learning rate; LeastWeight what the rows of a leaf count for at least; Columns the share of features that a
	// tree sees; Shrink the weight of the squared leaves in the loss.
	Eta         float64 `json:"eta"`
	LeastWeight float64 `json:"min_child_weight"`
	Columns     float64 `json:"colsample_bytree"`
	Shrink      float64 `json:"lambda"`
}

// Grown are those of the model in the repository.
var Grown = Growth{HalfLife: 40, Volume: 0.25, Width: 0.5, Eta: 0.03, LeastWeight: 20, Columns: 0.7, Shrink: 1}

// candidate is one change of Grown.
type candidate struct {
	name   string
	change func(*Growth)
}

var candidates = []candidate{
	{"as they are", func(*Growth) {}},
	{"half-life 25 weeks", func(g *Growth) { g.HalfLife = 25 }},
	{"half-life 80 weeks", func(g *Growth) { g.HalfLife = 80 }},
	{"rows alike", func(g *Growth) { g.Volume = 0 }},
	{"rows by the root", func(g *Growth) { g.Volume = 0.5 }},
	{"width 0.25", func(g *Growth) { g.Width = 0.25 }},
	{"squared errors", func(g *Growth) { g.Width = 100 }},
	{"eta 0.02", func(g *Growth) { g.Eta = 0.02 }},
	{"eta 0.05", func(g *Growth) { g.Eta = 0.05 }},
	{"min_child_weight 5", func(g *Growth) { g.LeastWeight = 5 }},
	{"min_child_weight 60", func(g *Growth) { g.LeastWeight = 60 }},
	{"colsample_bytree 0.4", func(g *Growth) { g.Columns = 0.4 }},
	{"lambda 20", func(g *Growth) { g.Shrink = 20 }},
}

// Choose prints how trees grown with one setting changed do on the weeks before all reported ones, alone and blended. It takes some
// minutes.
func Choose(rows []Row, b *Booster, out io.Writer) error {
	fmt.Fprintf(out, "%-22s %22s %18s\n%-22s %11s %10s %10s %10s\n", "", "the trees alone", "blended", "settings", "MAPE", "WAPE", "MAPE", "WAPE")
	for _, c := range candidates {
		g := Grown
		c.change(&g)
		var alone, blended score
		for _, h := range choosingRounds() {
			past, test := between(rows, 0, h.known), between(rows, h.from, h.to)
			fit, err := boost(b, past, questions(test), g)
			if err != nil {
				return err
			}
			alone.take(test, fit.trees())
			blended.take(test, units(fit.model))
		}
		fmt.Fprintf(out, "%-22s %11.2f %10.2f %10.2f %10.2f\n", c.name, alone.mape(), alone.wape(), blended.mape(), blended.wape())
	}
	return nil
}
