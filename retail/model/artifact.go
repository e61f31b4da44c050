package model

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"sync"
)

// Artifact is what the training command writes and the service embeds: coefficients, and where they come from.
type Artifact struct {
	// Version names the model in every answer, as "v1.0".
	Version      string       `json:"version"`
	Kind         string       `json:"kind"`
	Source       Source       `json:"source"`
	Training     Training     `json:"training"`
	Evaluations  []Evaluation `json:"evaluations"`
	Coefficients Coefficients `json:"coefficients"`
}

// Source says whose data the model was fitted on.
type Source struct {
	Name      string `json:"name" doc:"What the data are"`
	Reference string `json:"reference" doc:"Where they were first published"`
	Package   string `json:"package" doc:"The software package they were taken from"`
	License   string `json:"license" doc:"Licence of that package; the data are not part of this service"`
}

// Training says what the model was fitted on.
type Training struct {
	Rows      int    `json:"rows" doc:"Rows of the training data: one product in one store in one week"`
	Weeks     int    `json:"weeks" doc:"Weeks the rows span"`
	FirstDate string `json:"first_date" doc:"First day of the first week"`
	LastDate  string `json:"last_date" doc:"Last day of the last week"`
}

// Evaluation is one measurement on weeks that were not fitted.
type Evaluation struct {
	Name   string   `json:"name" doc:"Which weeks were forecast from which"`
	Rows   int      `json:"rows" doc:"Rows forecast"`
	Errors []Errors `json:"errors" nullable:"false" doc:"The model first, then what it is compared with"`
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

//go:embed coefficients.json
var embedded []byte

// Embedded returns the model in the binary.
var Embedded = sync.OnceValues(func() (*Trained, error) { return Load(embedded) })

// Trained is a model together with its papers.
type Trained struct {
	*Model
	Artifact
}

// Load reads an artifact as the training command wrote it.
func Load(data []byte) (*Trained, error) {
	var a Artifact
	if err := json.Unmarshal(data, &a); err != nil {
		return nil, fmt.Errorf("reading the model: %w", err)
	}
	if a.Version == "" {
		return nil, fmt.Errorf("reading the model: it has no version")
	}
	m, err := New(a.Coefficients)
	if err != nil {
		return nil, fmt.Errorf("reading the model: %w", err)
	}
	return &Trained{Model: m, Artifact: a}, nil
}
