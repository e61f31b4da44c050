package train

import (
	"math"
	"slices"

	"github.com/albatross-lb/albatross/retail/model"
)

// kind says what a forecast knew.
type kind int

const (
	known kind = iota
	unknownStore
	unknownProduct
	unknown
)

// residual is how far off one forecast was: log units less log forecast.
type residual struct {
	week      int
	product   int64
	promotion bool
	kind      kind
	log       float64
}

// leastResiduals is how many residuals a group needs to have quantiles of its own. It has to be large: the stores of a chain err
// together, so eighty rows of one week say hardly more than one.
const leastResiduals = 1000

// intervals are the quantiles of the residuals of the weeks up to last, by group.
func intervals(all []residual, products []int64, last int) model.Intervals {
	var q model.Intervals
	of := func(k kind, product int64, promotion bool) []float64 {
		var logs []float64
		for _, r := range all {
			if r.week <= last && r.kind == k && r.promotion == promotion && (product == 0 || product == r.product) {
				logs = append(logs, r.log)
			}
		}
		return logs
	}
	for i, promotion := range []bool{false, true} {
		q.UnknownProduct[i] = quantiles(of(unknownProduct, 0, promotion))
		q.Unknown[i] = quantiles(of(unknown, 0, promotion))
		for k, to := range map[kind]*[][2]model.Quantiles{known: &q.Known, unknownStore: &q.UnknownStore} {
			if *to == nil {
				*to = make([][2]model.Quantiles, len(products))
			}
			for p, product := range products {
				logs := of(k, product, promotion)
				if len(logs) < leastResiduals {
					logs = of(k, 0, promotion)
				}
				(*to)[p][i] = quantiles(logs)
			}
		}
	}
	return q
}

// quantiles of errors that were made on weeks not trained on; 0 where there are none. The finite-sample correction of
// conformal prediction, (n+1)p, is kept although it is small here.
func quantiles(logs []float64) model.Quantiles {
	if len(logs) == 0 {
		return model.Quantiles{}
	}
	slices.Sort(logs)
	n := float64(len(logs))
	at := func(place float64) float64 { return logs[int(min(max(place, 1), n))-1] }
	round := func(x float64) float64 { return math.Round(1e6*x) / 1e6 }
	return model.Quantiles{Low: round(at(math.Floor((n + 1) * 0.1))), High: round(at(math.Ceil((n + 1) * 0.9)))}
}
