package train

import (
	"math"
	"slices"

	"github.com/albatross-lb/albatross/retail/model"
)

// priceBins is how many bins of equal shares prices are cut into.
const priceBins = 10

// reference says how the rows' questions are spread.
func reference(rows []Row) model.Reference {
	n := float64(len(rows))
	share := func(count float64) float64 { return math.Round(1e6*count/n) / 1e6 }
	stores, products, prices := map[int64]float64{}, map[int64]float64{}, make([]float64, 0, len(rows))
	months, promotions := make([]float64, 12), make([]float64, 2)
	for _, r := range rows {
		stores[r.Store]++
		products[r.Product]++
		prices = append(prices, r.Price)
		months[model.WeekStart(r.Week).Time().Month()-1]++
		if r.Promotion {
			promotions[1]++
		} else {
			promotions[0]++
		}
	}
	slices.Sort(prices)
	ref := model.Reference{
		Stores: shares(stores, share), Products: shares(products, share), MinPrice: prices[0], MaxPrice: prices[len(prices)-1],
	}
	for i := 1; i < priceBins; i++ { // few prices are asked often, so edges can coincide
		edge := math.Round(1e4*prices[i*len(prices)/priceBins]) / 1e4
		if len(ref.PriceEdges) == 0 || edge > ref.PriceEdges[len(ref.PriceEdges)-1] {
			ref.PriceEdges = append(ref.PriceEdges, edge)
		}
	}
	bins := make([]float64, len(ref.PriceEdges)+1)
	for _, price := range prices {
		bins[ref.PriceBin(price)]++
	}
	for _, list := range []struct{ to, from *[]float64 }{{&ref.Prices, &bins}, {&ref.Months, &months}, {&ref.Promotions, &promotions}} {
		for _, count := range *list.from {
			*list.to = append(*list.to, share(count))
		}
	}
	return ref
}

func shares(counts map[int64]float64, share func(float64) float64) []model.Share {
	var all []model.Share
	for id, count := range counts {
		all = append(all, model.Share{ID: id, Share: share(count)})
	}
	slices.SortFunc(all, func(a, b model.Share) int { return int(a.ID - b.ID) })
	return all
}
