package retail

import "github.com/albatross-lb/albatross/retail/request"

// The types below are what the OpenAPI document says of bodies. The handlers read and write the same by hand.

type featureFields struct {
	_         struct{} `additionalProperties:"true"`
	StoreID   int64    `json:"store_id" minimum:"1" maximum:"2147483647" example:"1" doc:"Store; one outside the catalogue is answered as an average store"`
	ProductID int64    `json:"product_id" minimum:"1" maximum:"2147483647" example:"123" doc:"Product; one outside the catalogue is answered as an average product"`
	Date      string   `json:"date" format:"date" example:"2024-01-01" doc:"Any day of the week in question; only its season counts"`
	Price     float64  `json:"price" exclusiveMinimum:"0" maximum:"1000000" example:"29.99" doc:"Price of one package in US dollars"`
	Promotion int      `json:"promotion" enum:"0,1" example:"0" doc:"1 when the product is advertised in that week; true and false are accepted too"`
}

type predictRequest struct {
	_        struct{}      `additionalProperties:"true"`
	Features featureFields `json:"features"`
}

type predictResponse struct {
	Prediction   float64 `json:"prediction" example:"150.75" doc:"Packages sold in the week that holds the date"`
	ModelVersion string  `json:"model_version" example:"v1.0"`

	Unit     string    `json:"unit,omitempty" example:"packages per week" doc:"With ?detail=1"`
	Interval *interval `json:"interval,omitempty" doc:"With ?detail=1; null where the model knows none"`
	Warnings []string  `json:"warnings,omitempty" doc:"With ?detail=1: what the model has not met"`
}

type batchRequest struct {
	_         struct{}        `additionalProperties:"true"`
	Instances []featureFields `json:"instances" nullable:"false" minItems:"1" maxItems:"10000"`
}

// batchAnswer is one row's answer.
type batchAnswer struct {
	Prediction   *float64        `json:"prediction" doc:"Packages sold in the week that holds the date; null for a row with errors"`
	ModelVersion string          `json:"model_version" example:"v1.0"`
	Unit         string          `json:"unit,omitempty" doc:"With ?detail=1"`
	Interval     *interval       `json:"interval,omitempty" doc:"With ?detail=1; null where the model knows none"`
	Warnings     []string        `json:"warnings,omitempty" doc:"With ?detail=1"`
	Errors       []request.Error `json:"errors,omitempty" doc:"What is wrong with the row"`
}

type batchResponse struct {
	Predictions []batchAnswer `json:"predictions" nullable:"false" doc:"As many as instances, in their order"`
}

// interval is where eight of ten weeks are expected to lie.
type interval struct {
	Level float64 `json:"level" example:"0.8" doc:"Share of weeks expected within"`
	Low   float64 `json:"low" example:"96.2" doc:"10% quantile"`
	High  float64 `json:"high" example:"240.9" doc:"90% quantile"`
}

type tokenResponse struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type" example:"bearer"`
}

type healthResponse struct {
	Status    string `json:"status" example:"healthy"`
	Timestamp string `json:"timestamp" format:"date-time" example:"2024-01-01T12:00:00Z"`
}

type errorResponse struct {
	Detail string `json:"detail" doc:"What was refused"`
}

type validationErrorResponse struct {
	Detail []request.Error `json:"detail" nullable:"false"`
}

type keySet struct {
	Keys []map[string]string `json:"keys" nullable:"false" doc:"JSON Web Keys (RFC 7517)"`
}

type serverResponse struct {
	Name       string   `json:"name" example:"retail-api"`
	Version    string   `json:"version" example:"2"`
	Extensions []string `json:"extensions" nullable:"false"`
}

type liveResponse struct {
	Live bool `json:"live"`
}

type readyResponse struct {
	Ready bool `json:"ready"`
}

type modelReadyResponse struct {
	Name  string `json:"name" example:"retail"`
	Ready bool   `json:"ready"`
}

type modelResponse struct {
	Name     string       `json:"name" example:"retail"`
	Versions []string     `json:"versions" nullable:"false"`
	Platform string       `json:"platform"`
	Inputs   []tensorInfo `json:"inputs" nullable:"false"`
	Outputs  []tensorInfo `json:"outputs" nullable:"false"`
}

// inferTensor is a column with its values.
type inferTensor struct {
	_        struct{} `additionalProperties:"true"`
	Name     string   `json:"name"`
	Shape    []int    `json:"shape" nullable:"false"`
	Datatype string   `json:"datatype"`
	Data     []any    `json:"data" nullable:"false"`
}

type inferRequest struct {
	_       struct{}      `additionalProperties:"true"`
	ID      string        `json:"id,omitempty" doc:"Given back in the answer"`
	Inputs  []inferTensor `json:"inputs" nullable:"false" doc:"One column for each feature"`
	Outputs []inferOutput `json:"outputs,omitempty" doc:"What to answer: prediction and, where the model knows them, low and high; all without it"`
}

type inferOutput struct {
	_    struct{} `additionalProperties:"true"`
	Name string   `json:"name"`
}

type inferResponse struct {
	ModelName    string        `json:"model_name" example:"retail"`
	ModelVersion string        `json:"model_version" example:"v1.0"`
	ID           string        `json:"id,omitempty"`
	Outputs      []inferTensor `json:"outputs" nullable:"false"`
}

type inferErrorResponse struct {
	Error  string          `json:"error" doc:"What was refused, the first mistake where there are several"`
	Detail []request.Error `json:"detail" nullable:"false"`
}
