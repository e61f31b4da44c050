package train

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/albatross-lb/albatross/retail/model"
)

// Settings are the choices of a fit that data alone does not make.
type Settings struct {
	// Harmonics is the number of sine waves of the season.
	Harmonics int
	// StorePenalty, ProductPenalty, SlopePenalty and CellPenalty shrink the effects of stores, of products, of products on
	// elasticity and lift, and of products in stores: the larger, the nearer to the average. Each acts as so many weeks
	// of "nothing unusual" would.
	StorePenalty, ProductPenalty, SlopePenalty, CellPenalty float64
	// SeasonPenalty shrinks the season. It has to be large: two years hold each season twice, so a season fitted freely
	// learns which weeks happened to be busy.
	SeasonPenalty float64
	// HalfLife is the age in weeks at which a row counts half; 0 counts all rows alike.
	HalfLife float64
}

// Chosen are the settings of the model in the repository. They were picked by forecasting weeks 111 to 134, which no reported
// error is measured on, after fitting the weeks before them.
var Chosen = Settings{
	Harmonics: 2, SeasonPenalty: 10000, HalfLife: 30,
	StorePenalty: 1, ProductPenalty: 1, SlopePenalty: 1, CellPenalty: 3,
}

// layout says which column of the regression stands for what.
type layout struct {
	stores, products []int64
	storeAt, prodAt  map[int64]int
	harmonics        int
	centre           float64
	store0, prod0    int // first columns of the stores and the products
	slope0, lift0    int
	cell0            int
	columns          int
}

// The first columns are the intercept, log price, promotion, and then the season.
const (
	columnIntercept = iota
	columnPrice
	columnPromotion
	columnSeason
)

func newLayout(rows []Row, harmonics int) *layout {
	l := &layout{harmonics: harmonics, storeAt: map[int64]int{}, prodAt: map[int64]int{}}
	for _, r := range rows {
		if _, ok := l.storeAt[r.Store]; !ok {
			l.storeAt[r.Store] = 0
			l.stores = append(l.stores, r.Store)
		}
		if _, ok := l.prodAt[r.Product]; !ok {
			l.prodAt[r.Product] = 0
			l.products = append(l.products, r.Product)
		}
		l.centre += math.Log(r.Price) / float64(len(rows))
	}
	slices.Sort(l.stores)
	slices.Sort(l.products)
	for i, s := range l.stores {
		l.storeAt[s] = i
	}
	for i, p := range l.products {
		l.prodAt[p] = i
	}
	l.store0 = columnSeason + 2*harmonics
	l.prod0 = l.store0 + len(l.stores)
	l.slope0 = l.prod0 + len(l.products)
	l.lift0 = l.slope0 + len(l.products)
	l.cell0 = l.lift0 + len(l.products)
	l.columns = l.cell0 + len(l.stores)*len(l.products)
	return l
}

// terms appends the row's entries. The waves are those of the row's week.
func (l *layout) terms(to []term, r Row, waves []float64) []term {
	to = l.common(to, r, waves)
	store, product := l.storeAt[r.Store], l.prodAt[r.Product]
	price := math.Log(r.Price) - l.centre
	to = append(to, term{l.prod0 + product, 1}, term{l.slope0 + product, price})
	if r.Promotion {
		to = append(to, term{l.lift0 + product, 1})
	}
	return append(to, term{l.cell0 + store*len(l.products) + product, 1})
}

// common appends the entries that do not depend on which product it is.
func (l *layout) common(to []term, r Row, waves []float64) []term {
	to = append(to, term{columnIntercept, 1}, term{columnPrice, math.Log(r.Price) - l.centre})
	if r.Promotion {
		to = append(to, term{columnPromotion, 1})
	}
	for i, w := range waves {
		to = append(to, term{columnSeason + i, w})
	}
	return append(to, term{l.store0 + l.storeAt[r.Store], 1})
}

func (l *layout) penalties(s Settings) []float64 {
	p := make([]float64, l.columns)
	for i := range p {
		switch {
		case i < columnSeason:
			p[i] = 1e-6
		case i < l.store0:
			p[i] = s.SeasonPenalty
		case i < l.prod0:
			p[i] = s.StorePenalty
		case i < l.slope0:
			p[i] = s.ProductPenalty
		case i < l.cell0:
			p[i] = s.SlopePenalty
		default:
			p[i] = s.CellPenalty
		}
	}
	return p
}

// Fit returns the coefficients that fit the rows best. The answer depends on the rows and settings alone.
func Fit(rows []Row, s Settings) (model.Coefficients, error) {
	if len(rows) == 0 {
		return model.Coefficients{}, errors.New("fitting: there are no rows")
	}
	l := newLayout(rows, s.Harmonics)
	last := rows[len(rows)-1].Week
	full, pooled := newNormal(l.columns), newNormal(l.prod0)
	waves := map[int][]float64{}
	var terms []term
	for _, r := range rows {
		w, ok := waves[r.Week]
		if !ok {
			w = model.SeasonWaves(model.SeasonDay(r.Week), 2*s.Harmonics)
			waves[r.Week] = w
		}
		weight := s.weight(last - r.Week)
		y := math.Log(r.Units)
		terms = l.terms(terms[:0], r, w)
		full.add(terms, y, weight)
		terms = l.common(terms[:0], r, w)
		pooled.add(terms, y, weight)
	}
	penalties := l.penalties(s)
	b, err := full.solve(penalties)
	if err != nil {
		return model.Coefficients{}, fmt.Errorf("fitting: %w", err)
	}
	u, err := pooled.solve(penalties[:l.prod0])
	if err != nil {
		return model.Coefficients{}, fmt.Errorf("fitting without products: %w", err)
	}
	return l.coefficients(b, u, rows), nil
}

func (s Settings) weight(age int) float64 {
	if s.HalfLife == 0 {
		return 1
	}
	return math.Exp2(-float64(age) / s.HalfLife)
}

// coefficients names the solutions b, of all columns, and u, of those that know no product.
func (l *layout) coefficients(b, u []float64, rows []Row) model.Coefficients {
	c := model.Coefficients{
		Intercept: b[columnIntercept], PriceCentre: l.centre, Price: b[columnPrice], Promotion: b[columnPromotion],
		Season:  b[columnSeason:l.store0:l.store0],
		Unknown: model.UnknownProduct{Intercept: u[columnIntercept], Price: u[columnPrice], Promotion: u[columnPromotion], MinPrice: math.Inf(1)},
	}
	for i, id := range l.stores {
		c.Stores = append(c.Stores, model.Store{ID: id, Effect: b[l.store0+i]})
		from := l.cell0 + i*len(l.products)
		c.Cells = append(c.Cells, b[from:from+len(l.products)])
	}
	for i, id := range l.products {
		c.Products = append(c.Products, model.Product{
			ID: id, Effect: b[l.prod0+i], Price: b[l.slope0+i], Promotion: b[l.lift0+i], MinPrice: math.Inf(1),
		})
	}
	for _, r := range rows {
		p := &c.Products[l.prodAt[r.Product]]
		p.MinPrice, p.MaxPrice = min(p.MinPrice, r.Price), max(p.MaxPrice, r.Price)
		c.Unknown.MinPrice, c.Unknown.MaxPrice = min(c.Unknown.MinPrice, r.Price), max(c.Unknown.MaxPrice, r.Price)
	}
	return c
}

// MeanFactor returns the weighted mean of exp(residual) over the rows, Duan's smearing estimator.
func MeanFactor(m model.Predictor, rows []Row, s Settings) float64 {
	last := rows[len(rows)-1].Week
	var sum, weights float64
	for _, r := range rows {
		w := s.weight(last - r.Week)
		sum += w * r.Units / m.Predict(r.Features()).Units
		weights += w
	}
	return math.Round(1e4*sum/weights) / 1e4
}
