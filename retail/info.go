package retail

import (
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/albatross-lb/albatross/retail/model"
	"github.com/albatross-lb/albatross/retail/request"
)

// modelInfoInput says which model is asked for; without it the one that answers most requests.
type modelInfoInput struct {
	Version string `query:"version" doc:"Version of the model to speak of" example:"v1.0"`
}

// modelInfo is the answer of /model-info.
type modelInfo struct {
	Body struct {
		ModelVersion string             `json:"model_version"`
		SHA256       string             `json:"sha256" doc:"Of the model's file, in hexadecimal"`
		Kind         string             `json:"kind"`
		Unit         string             `json:"unit" doc:"What a prediction counts"`
		Features     []featureInfo      `json:"features" nullable:"false" doc:"What a question holds"`
		Inputs       []model.Input      `json:"inputs,omitempty" doc:"What the trees read, and which way each may act"`
		Catalogue    catalogue          `json:"catalogue"`
		Training     model.Training     `json:"training"`
		Evaluations  []model.Evaluation `json:"evaluations" nullable:"false" doc:"Errors on weeks that were not fitted"`
		MeanFactor   float64            `json:"mean_factor" doc:"Predictions speak of the typical week; multiply with this for the mean"`
		Source       model.Source       `json:"source"`
		Models       []modelEntry       `json:"models" nullable:"false" doc:"All models that are served"`
	}
}

type featureInfo struct {
	Name    string   `json:"name"`
	Type    string   `json:"type"`
	Minimum *float64 `json:"minimum,omitempty" doc:"Least value accepted"`
	Maximum *float64 `json:"maximum,omitempty" doc:"Largest value accepted"`
	// Trained is the range seen in training.
	TrainedMinimum any    `json:"trained_minimum" doc:"Least value seen in training"`
	TrainedMaximum any    `json:"trained_maximum" doc:"Largest value seen in training"`
	Doc            string `json:"doc"`
}

type catalogue struct {
	Stores   int     `json:"stores" doc:"Stores the model knows"`
	Products int     `json:"products" doc:"Products the model knows"`
	MinPrice float64 `json:"min_price" doc:"Lowest price seen in training, US dollars"`
	MaxPrice float64 `json:"max_price" doc:"Highest price seen in training, US dollars"`
}

type modelEntry struct {
	ModelVersion string `json:"model_version"`
	SHA256       string `json:"sha256"`
	Kind         string `json:"kind"`
	Weight       int    `json:"weight" doc:"Share of the requests that name no model, relative to other models'"`
}

func (s *Server) modelInfo() func(*exchange, *http.Request) {
	_, handler := s.api()
	return func(x *exchange, r *http.Request) { handler.ServeHTTP(x, r) }
}

// wrongVersion is the refusal of a version that is not served, in the shape that all refusals have.
type wrongVersion struct {
	Detail []request.Error `json:"detail"`
}

func (wrongVersion) Error() string             { return "no model of that version" }
func (wrongVersion) GetStatus() int            { return http.StatusUnprocessableEntity }
func (wrongVersion) ContentType(string) string { return "application/json" }
func (e wrongVersion) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"detail": e.Detail})
}

var _ huma.StatusError = wrongVersion{}

func (s *Server) info(in *modelInfoInput) (*modelInfo, error) {
	set := s.models.Load()
	m := set.primary
	if in.Version != "" {
		if m = set.version(in.Version); m == nil {
			return nil, wrongVersion{[]request.Error{set.noModel("query", "version")}}
		}
	}
	var info modelInfo
	b := &info.Body
	b.ModelVersion, b.SHA256, b.Kind = m.Version, m.SHA256, m.Kind
	b.Unit = "packages sold in the store in the week that holds the date (weeks begin on Thursday)"
	b.Features = featuresOf(&m.Reference, &m.Training)
	if _, ok := m.Predictor.(*model.Boosted); ok {
		b.Inputs = model.Inputs[:]
	}
	b.Catalogue = catalogue{
		Stores: len(m.Reference.Stores), Products: len(m.Reference.Products), MinPrice: m.Reference.MinPrice, MaxPrice: m.Reference.MaxPrice,
	}
	b.Training, b.Evaluations, b.Source, b.MeanFactor = m.Training, m.Evaluations, m.Source, m.MeanFactor
	if b.Evaluations == nil {
		b.Evaluations = []model.Evaluation{}
	}
	for _, one := range set.all {
		b.Models = append(b.Models, modelEntry{one.Version, one.SHA256, one.Kind, one.Weight})
	}
	return &info, nil
}

// featuresOf describes the fields of a question.
func featuresOf(r *model.Reference, t *model.Training) []featureInfo {
	bound := func(v float64) *float64 { return &v }
	ends := func(s []model.Share) (low, high any) {
		if len(s) == 0 {
			return nil, nil
		}
		return s[0].ID, s[len(s)-1].ID
	}
	firstStore, lastStore := ends(r.Stores)
	firstProduct, lastProduct := ends(r.Products)
	return []featureInfo{
		{"store_id", "integer", bound(1), bound(request.MaxID), firstStore, lastStore, "the store; one that is not known is answered as an average store"},
		{"product_id", "integer", bound(1), bound(request.MaxID), firstProduct, lastProduct, "the product; one that is not known is answered from all products"},
		{"date", "date", nil, nil, t.FirstDate, t.LastDate, "any day of the week in question, YYYY-MM-DD; only its season counts"},
		{"price", "number", bound(0), bound(request.MaxPrice), r.MinPrice, r.MaxPrice, "US dollars a package, above the minimum; held at 1.25 times the product's trained range"},
		{"promotion", "boolean", bound(0), bound(1), 0, 1, "1 when the product is advertised in that week"},
	}
}
