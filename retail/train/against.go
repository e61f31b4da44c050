package train

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/albatross-lb/albatross/retail/model"
)

// against gathers by how much two methods' errors differ on the same rows, by product and week: the stores of a chain err together,
// so their rows are no independent evidence.
type against struct {
	at     map[[2]int]int
	groups []difference
}

// difference is a group's errors by one method less those by another.
type difference struct{ relative, absolute, units, rows float64 }

func (a *against) take(rows []Row, one, other forecaster) {
	if a.at == nil {
		a.at = map[[2]int]int{}
	}
	for _, r := range rows {
		key := [2]int{r.Week, int(r.Product)}
		i, ok := a.at[key]
		if !ok {
			i = len(a.groups)
			a.at[key] = i
			a.groups = append(a.groups, difference{})
		}
		off := math.Abs(one(r)-r.Units) - math.Abs(other(r)-r.Units)
		g := &a.groups[i]
		g.relative, g.absolute, g.units, g.rows = g.relative+off/r.Units, g.absolute+off, g.units+r.Units, g.rows+1
	}
}

// Against says by how much a method's errors are larger than another's, in points.
type Against struct {
	MAPE, WAPE Range
}

// Range is a difference with the ends of its 95% confidence interval.
type Range struct{ Low, Is, High float64 }

// draws is how often groups are drawn anew.
const draws = 4000

// compare resamples the groups (bootstrap).
func (a *against) compare() (c Against) {
	random := rand.New(rand.NewPCG(Seed, 2))
	var mape, wape []float64
	for range draws {
		drawn := make([]difference, len(a.groups))
		for i := range drawn {
			drawn[i] = a.groups[random.IntN(len(a.groups))]
		}
		e := points(drawn)
		mape, wape = append(mape, e.MAPE), append(wape, e.WAPE)
	}
	all := points(a.groups)
	return Against{MAPE: interval95(mape, all.MAPE), WAPE: interval95(wape, all.WAPE)}
}

func points(groups []difference) model.Errors {
	var sum difference
	for _, g := range groups {
		sum.relative, sum.absolute, sum.units, sum.rows = sum.relative+g.relative, sum.absolute+g.absolute, sum.units+g.units, sum.rows+g.rows
	}
	return model.Errors{MAPE: 100 * sum.relative / sum.rows, WAPE: 100 * sum.absolute / sum.units}
}

func interval95(drawn []float64, is float64) Range {
	slices.Sort(drawn)
	return Range{Low: drawn[len(drawn)/40], Is: is, High: drawn[len(drawn)-1-len(drawn)/40]}
}
