package train

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strconv"

	"github.com/albatross-lb/albatross/retail/model"
)

// Papers says of both models what they have in common.
func (r *Report) papers(rows []Row) model.Papers {
	first, last := rows[0].Week, rows[len(rows)-1].Week
	return model.Papers{
		Source: model.Source{
			Name:      "Dominick's Finer Foods, refrigerated orange juice: weekly sales, 11 products, 83 stores",
			Reference: "Montgomery (1997), Creating Micro-Marketing Pricing Strategies Using Supermarket Scanner Data, Marketing Science 16(4)",
			Package:   "bayesm for R (Debian package r-cran-bayesm), data set orangeJuice",
			License:   "GPL-2.0-or-later",
		},
		Training: model.Training{
			Rows: len(rows), Weeks: last - first + 1,
			FirstDate: model.WeekStart(first).String(), LastDate: (model.WeekStart(last+1) - 1).String(),
		},
		Evaluations: r.Evaluations, Reference: reference(rows),
	}
}

// Boosted trains the model that serves, on all rows. It returns the model's file, and answers to questions by the trainer
// itself, to hold any evaluator of the file against ([Vector]).
func Boosted(rows []Row, b *Booster, r *Report, version string) (file []byte, vectors []Vector, err error) {
	questions := testQuestions(rows)
	fit, err := boost(b, rows, questions, Grown)
	if err != nil {
		return nil, nil, fmt.Errorf("training on all rows: %w", err)
	}
	p := r.papers(rows)
	p.Version, p.Kind, p.MeanFactor = version, "gradient-boosted trees blended with a log-linear regression", r.MeanFactor
	p.Training.Tool, p.Training.Seed = "XGBoost 1.7 (Debian package python3-xgboost)", Seed
	round(reflect.ValueOf(&fit.linear).Elem())
	file, err = model.WriteBoosted(p, model.BoostedParts{
		State: *fit.state, Base: fit.grown.base, Trees: fit.grown.trees, Linear: fit.linear, LinearWeight: linearWeight, Intervals: r.Intervals,
	})
	for i, q := range questions {
		vectors = append(vectors, newVector(q, fit.grown.forecasts[i]))
	}
	return file, vectors, err
}

// Linear fits the log-linear model on all rows.
func Linear(rows []Row, r *Report, version string) (*model.LinearFile, error) {
	c, err := Fit(rows, Chosen)
	if err != nil {
		return nil, err
	}
	m, err := model.NewLinear(c)
	if err != nil {
		return nil, err
	}
	round(reflect.ValueOf(&c).Elem())
	file := &model.LinearFile{Papers: r.papers(rows), Coefficients: c}
	file.Version, file.Kind, file.MeanFactor = version, "log-linear regression with store and product effects", MeanFactor(m, rows, Chosen)
	file.Training.Tool = "ridge regression by Cholesky factorisation (retail/train)"
	return file, nil
}

// Vector is a question and the trainer's answer: what the trees add up to, the logarithm of the units.
type Vector struct {
	Store, Product, Date int32
	Price                float64
	Promotion            uint8
	Sum                  float32
}

func newVector(f model.Features, sum float32) Vector {
	v := Vector{Store: int32(f.StoreID), Product: int32(f.ProductID), Date: int32(f.Date), Price: f.Price, Sum: sum}
	if f.Promotion {
		v.Promotion = 1
	}
	return v
}

// testVectors is how many questions the trainer answers for the tests of evaluators.
const testVectors = 5000

// testQuestions are made up, so that no row of the data is among them: every store and product, prices in and beyond their
// range, and one in eight of a store or product that does not exist.
func testQuestions(rows []Row) []model.Features {
	h := newHistory(rows)
	random := rand.New(rand.NewPCG(Seed, 1))
	questions := make([]model.Features, testVectors)
	for i := range questions {
		product := random.IntN(len(h.products))
		low, high := float64(h.low[product])/1.5, float64(h.high[product])*1.5
		questions[i] = model.Features{
			StoreID: h.stores[random.IntN(len(h.stores))], ProductID: h.products[product],
			Date:  model.Date(random.IntN(60 * 365)),
			Price: math.Round(100*(low+(high-low)*random.Float64())) / 100, Promotion: random.IntN(2) == 1,
		}
		switch random.IntN(16) {
		case 0:
			questions[i].StoreID = 1000
		case 1:
			questions[i].ProductID = 1000
		}
	}
	return questions
}

// EncodeVectors returns vectors little-endian and without gaps.
func EncodeVectors(vectors []Vector) ([]byte, error) {
	return binary.Append(nil, binary.LittleEndian, vectors)
}

// round keeps nine digits of every number. More say nothing, and the last few differ between processors.
func round(v reflect.Value) {
	switch v.Kind() {
	case reflect.Float64:
		f, err := strconv.ParseFloat(strconv.FormatFloat(v.Float(), 'g', 9, 64), 64)
		if err != nil || math.IsNaN(f) {
			panic(fmt.Sprintf("the fit holds %v", v.Float()))
		}
		v.SetFloat(f)
	case reflect.Struct:
		for i := range v.NumField() {
			round(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			round(v.Index(i))
		}
	}
}
