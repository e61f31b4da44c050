package model

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"
)

// Papers are what a model's file says of the model, beside the numbers it predicts with.
type Papers struct {
	// Version names the model in every answer, as "v1.0".
	Version     string       `json:"version"`
	Kind        string       `json:"kind"`
	Source      Source       `json:"source"`
	Training    Training     `json:"training"`
	Evaluations []Evaluation `json:"evaluations"`
	// MeanFactor is what a prediction has to be multiplied with to speak of the mean of many weeks in place of the typical
	// week (Duan's smearing estimator, 1983).
	MeanFactor float64   `json:"mean_factor"`
	Reference  Reference `json:"reference"`
}

// Source says whose data the model was fitted on.
type Source struct {
	Name      string `json:"name" doc:"What the data are"`
	Reference string `json:"reference" doc:"Where they were first published"`
	Package   string `json:"package" doc:"The software package they were taken from"`
	License   string `json:"license" doc:"Licence of that package; the data are not part of this service"`
}

// Training says what the model was fitted on, and how.
type Training struct {
	Rows      int    `json:"rows" doc:"Rows of the training data: one product in one store in one week"`
	Weeks     int    `json:"weeks" doc:"Weeks the rows span"`
	FirstDate string `json:"first_date" doc:"First day of the first week"`
	LastDate  string `json:"last_date" doc:"Last day of the last week"`
	Tool      string `json:"tool" doc:"What it was fitted with"`
	Seed      int    `json:"seed" doc:"Seed of the random choices made while fitting"`
}

// Evaluation is one measurement on weeks that were not fitted.
type Evaluation struct {
	Name     string    `json:"name" doc:"Which weeks were forecast from which"`
	Rows     int       `json:"rows" doc:"Rows forecast"`
	Errors   []Errors  `json:"errors" nullable:"false" doc:"The model first, then what it is compared with"`
	Coverage *Coverage `json:"coverage,omitempty" doc:"How many sales fell into the model's 10% to 90% intervals"`
	// Published are figures of others on the same rows.
	Published []Published `json:"published,omitempty" doc:"Errors of other methods on the same rows, as published"`
}

// Errors of one method, in percent.
type Errors struct {
	Method string `json:"method" doc:"Who made the forecasts"`
	// MAPE is the mean of |forecast - units| / units.
	MAPE float64 `json:"mape" doc:"Mean absolute percentage error, percent"`
	// WAPE is the sum of |forecast - units| over the sum of units.
	WAPE float64 `json:"wape" doc:"Sum of absolute errors over sum of units, percent"`
	// Bias is the sum of forecasts over the sum of units, less one.
	Bias float64 `json:"bias" doc:"Sum of forecasts over sum of units, less 1, percent"`
}

// Coverage says how honest prediction intervals were, in percent. They are meant to hold 80.
type Coverage struct {
	All       float64 `json:"all" doc:"Sales that fell into the interval, percent"`
	Below     float64 `json:"below" doc:"Sales below the interval, percent"`
	Above     float64 `json:"above" doc:"Sales above the interval, percent"`
	Promotion float64 `json:"promotion" doc:"Of weeks with a promotion, those in the interval, percent"`
}

// Published is somebody else's figure.
type Published struct {
	Method string  `json:"method"`
	MAPE   float64 `json:"mape"`
}

// Reference is how the questions of training were spread, to hold those of serving against.
type Reference struct {
	// Stores and Products are sorted ids with their shares of rows.
	Stores   []Share `json:"stores"`
	Products []Share `json:"products"`
	// PriceEdges cut the prices into bins of the shares Prices: below the first, between, from the last on.
	PriceEdges []float64 `json:"price_edges"`
	Prices     []float64 `json:"prices"`
	// Months are shares of rows whose week begins in January, and so on; Promotions those without and with one.
	Months     []float64 `json:"months"`
	Promotions []float64 `json:"promotions"`
	// MinPrice and MaxPrice are the range of all prices, US dollars a package.
	MinPrice float64 `json:"min_price"`
	MaxPrice float64 `json:"max_price"`
}

// Share is the share of rows that have an id.
type Share struct {
	ID    int64   `json:"id"`
	Share float64 `json:"share"`
}

// LinearFile is the file of a [Linear] model: JSON that can be read.
type LinearFile struct {
	Papers
	Coefficients Coefficients `json:"coefficients"`
}

//go:embed files/retail-v1.0.model
var embedded []byte

// Embedded returns the model in the binary.
var Embedded = sync.OnceValues(func() (*Trained, error) { return Load(embedded) })

// Trained is a model together with its papers.
type Trained struct {
	Predictor
	Papers
	// SHA256 is that of the file, in hexadecimal.
	SHA256 string
}

// Load reads a model's file as the training command writes it, of either kind.
func Load(data []byte) (*Trained, error) {
	t, err := load(data)
	if err != nil {
		return nil, fmt.Errorf("reading the model: %w", err)
	}
	if err := t.check(); err != nil {
		return nil, fmt.Errorf("reading the model: %w", err)
	}
	sum := sha256.Sum256(data)
	t.SHA256 = hex.EncodeToString(sum[:])
	return t, nil
}

func load(data []byte) (*Trained, error) {
	if bytes.HasPrefix(data, []byte(magic)) {
		return readBoosted(data)
	}
	var file LinearFile
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, err
	}
	m, err := NewLinear(file.Coefficients)
	if err != nil {
		return nil, err
	}
	return &Trained{Predictor: m, Papers: file.Papers}, nil
}

// check refuses papers that answers could not be made of.
func (t *Trained) check() error {
	if t.Version == "" || len(t.Version) > 64 {
		return fmt.Errorf("its version is %q, want 1 to 64 characters", t.Version)
	}
	for _, c := range []byte(t.Version) { // it stands in headers, labels and JSON
		if c <= ' ' || c > '~' || c == '"' || c == '\\' || c == ',' {
			return fmt.Errorf("its version is %q, want printable ASCII without spaces, quotes and commas", t.Version)
		}
	}
	r := &t.Reference
	if len(r.Prices) != 0 && len(r.Prices) != len(r.PriceEdges)+1 || len(r.Months) != 0 && len(r.Months) != 12 ||
		len(r.Promotions) != 0 && len(r.Promotions) != 2 {
		return fmt.Errorf("its reference has %d prices for %d edges, %d months and %d promotions",
			len(r.Prices), len(r.PriceEdges), len(r.Months), len(r.Promotions))
	}
	return nil
}

// PriceBin returns the place of a price in Prices.
func (r *Reference) PriceBin(price float64) int {
	bin := 0
	for bin < len(r.PriceEdges) && price >= r.PriceEdges[bin] {
		bin++
	}
	return bin
}
