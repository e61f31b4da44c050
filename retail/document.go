package retail

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/swaggest/swgui"
	"github.com/swaggest/swgui/v5emb"

	"github.com/albatross-lb/albatross/retail/model"
	"github.com/albatross-lb/albatross/retail/request"
)

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
}

type batchRequest struct {
	_         struct{}        `additionalProperties:"true"`
	Instances []featureFields `json:"instances" nullable:"false" minItems:"1" maxItems:"1000"`
}

type batchResponse struct {
	Predictions []predictResponse `json:"predictions" nullable:"false" doc:"As many as instances, in their order"`
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

// modelInfo is the answer of /model-info.
type modelInfo struct {
	Body struct {
		ModelVersion string             `json:"model_version"`
		Kind         string             `json:"kind"`
		Unit         string             `json:"unit" doc:"What a prediction counts"`
		Catalogue    catalogue          `json:"catalogue"`
		Training     model.Training     `json:"training"`
		Evaluations  []model.Evaluation `json:"evaluations" nullable:"false" doc:"Errors on weeks that were not fitted"`
		MeanFactor   float64            `json:"mean_factor" doc:"Predictions speak of the typical week (median); multiply with this for the mean"`
		Source       model.Source       `json:"source"`
	}
}

type catalogue struct {
	Stores   int     `json:"stores" doc:"Stores the model knows"`
	Products int     `json:"products" doc:"Products the model knows"`
	MinPrice float64 `json:"min_price" doc:"Lowest price seen in training, US dollars"`
	MaxPrice float64 `json:"max_price" doc:"Highest price seen in training, US dollars"`
}

const bearerScheme = "OAuth2PasswordBearer"

// api returns huma's view of the service, the handler behind it included. Only /model-info is answered through it.
func (s *Server) api() (huma.API, http.Handler) {
	config := huma.DefaultConfig("Retail Prediction API", s.Model.Version)
	config.Info.Description = "Predicts how many packages of a product a store sells in a week."
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", ""
	config.CreateHooks = nil // which would put $schema into answers
	if s.Tokens != nil {
		config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{bearerScheme: {
			Type: "oauth2", Flows: &huma.OAuthFlows{Password: &huma.OAuthFlow{TokenURL: "token", Scopes: map[string]string{}}},
		}}
	}
	mux := http.NewServeMux()
	api := humago.New(mux, config)
	huma.Register(api, huma.Operation{
		OperationID: "model-info", Method: http.MethodGet, Path: "/model-info", Tags: []string{"model"},
		Summary: "What the model is, what it was trained on and how far off it is",
	}, func(context.Context, *struct{}) (*modelInfo, error) { return s.info(), nil })
	return api, mux
}

func (s *Server) modelInfo() func(*exchange, *http.Request) {
	_, handler := s.api()
	return func(x *exchange, r *http.Request) { handler.ServeHTTP(x, r) }
}

func (s *Server) info() *modelInfo {
	var info modelInfo
	m, c := s.Model, s.Model.Coefficients
	info.Body.ModelVersion, info.Body.Kind = m.Version, m.Kind
	info.Body.Unit = "packages sold in the store in the week that holds the date (weeks begin on Thursday)"
	info.Body.Catalogue = catalogue{
		Stores: len(c.Stores), Products: len(c.Products), MinPrice: c.Unknown.MinPrice, MaxPrice: c.Unknown.MaxPrice,
	}
	info.Body.Training, info.Body.Evaluations, info.Body.Source = m.Training, m.Evaluations, m.Source
	info.Body.MeanFactor = c.MeanFactor
	return &info
}

// operation is one hand-written endpoint as the document tells of it.
type operation struct {
	id, method, path, tag, summary, description string
	takes, form, gives                          any
	errors                                      map[int]any
	protected                                   bool
}

func operations() []operation {
	predictErrors := map[int]any{413: errorResponse{}, 422: validationErrorResponse{}}
	stopping := map[int]any{503: healthResponse{}}
	return []operation{
		{id: "predict", method: http.MethodPost, path: "/predict", tag: "predictions", protected: true,
			summary: "Predict the weekly sales of one product in one store",
			description: "Ids outside the catalogue and prices outside the trained range are answered by averages and " +
				"said in the header X-Retail-Warning.",
			takes: predictRequest{}, gives: predictResponse{}, errors: predictErrors},
		{id: "batch-predict", method: http.MethodPost, path: "/batch-predict", tag: "predictions", protected: true,
			summary: "Predict up to 1000 rows at once", takes: batchRequest{}, gives: batchResponse{}, errors: predictErrors},
		{id: "token", method: http.MethodPost, path: "/token", tag: "tokens", summary: "Get a token for a name and a password",
			form: tokenForm(), gives: tokenResponse{},
			errors: map[int]any{401: errorResponse{}, 422: validationErrorResponse{}, 503: errorResponse{}}},
		{id: "health", method: http.MethodGet, path: "/health", tag: "health", summary: "Whether this replica wants requests",
			gives: healthResponse{}, errors: stopping},
		{id: "healthz", method: http.MethodGet, path: "/healthz", tag: "health", summary: "The same as /health", gives: healthResponse{}, errors: stopping},
		{id: "readyz", method: http.MethodGet, path: "/readyz", tag: "health", summary: "The same as /health", gives: healthResponse{}, errors: stopping},
		{id: "livez", method: http.MethodGet, path: "/livez", tag: "health", summary: "Whether the process works", gives: healthResponse{}},
	}
}

func tokenForm() *huma.Schema {
	text := &huma.Schema{Type: "string"}
	return &huma.Schema{Type: "object", Required: []string{"username", "password"}, Properties: map[string]*huma.Schema{
		"grant_type": {Type: "string", Enum: []any{"password"}},
		"username":   text,
		"password":   {Type: "string", Format: "password"},
	}}
}

// document returns the OpenAPI document as JSON.
func (s *Server) document() ([]byte, error) {
	api, _ := s.api()
	open := api.OpenAPI()
	schema := func(v any) *huma.Schema { return open.Components.Schemas.Schema(reflect.TypeOf(v), true, "") }
	for _, o := range operations() {
		open.AddOperation(s.describe(o, schema))
	}
	// Huma describes errors of its own for the one endpoint it answers, which takes nothing that could be wrong.
	delete(open.Paths["/model-info"].Get.Responses, "default")
	delete(open.Components.Schemas.Map(), "ErrorModel")
	delete(open.Components.Schemas.Map(), "ErrorDetail")
	document, err := json.Marshal(open)
	if err != nil {
		return nil, fmt.Errorf("writing the OpenAPI document: %w", err)
	}
	return document, nil
}

func (s *Server) describe(o operation, schema func(any) *huma.Schema) *huma.Operation {
	body := func(media string, sc *huma.Schema) map[string]*huma.MediaType {
		return map[string]*huma.MediaType{media: {Schema: sc}}
	}
	op := &huma.Operation{
		OperationID: o.id, Method: o.method, Path: o.path, Tags: []string{o.tag}, Summary: o.summary, Description: o.description,
		Responses: map[string]*huma.Response{"200": {Description: "OK", Content: body("application/json", schema(o.gives))}},
	}
	if o.takes != nil {
		op.RequestBody = &huma.RequestBody{Required: true, Content: body("application/json", schema(o.takes))}
	}
	if o.form != nil {
		op.RequestBody = &huma.RequestBody{Required: true, Content: body("application/x-www-form-urlencoded", o.form.(*huma.Schema))}
	}
	refuse := func(status int, v any) {
		op.Responses[fmt.Sprint(status)] = &huma.Response{
			Description: http.StatusText(status), Content: body("application/json", schema(v)),
		}
	}
	for status, v := range o.errors {
		refuse(status, v)
	}
	if o.protected && s.Tokens != nil {
		op.Security = []map[string][]string{{bearerScheme: {}}}
		refuse(http.StatusUnauthorized, errorResponse{})
	}
	return op
}

// swagger serves Swagger UI under /docs, from files in the binary.
func (s *Server) swagger() func(*exchange, *http.Request) {
	ui := v5emb.NewHandlerWithConfig(swgui.Config{
		Title: "Retail Prediction API", SwaggerJSON: "/openapi.json", BasePath: "/docs",
	})
	return func(x *exchange, r *http.Request) { ui.ServeHTTP(x, r) }
}
