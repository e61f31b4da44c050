package retail

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// operation is one hand-written endpoint as the document tells of it.
type operation struct {
	id, method, path, tag, summary, description string
	takes, form, gives                          any
	errors                                      map[int]any
	protected, detail, chooses                  bool
	example                                     any // of the body; nil leaves it to the fields' own examples
}

func operations() []operation {
	return slices.Concat(ownOperations(), inferenceOperations())
}

func ownOperations() []operation {
	predictErrors := map[int]any{413: errorResponse{}, 422: validationErrorResponse{}}
	stopping := map[int]any{503: healthResponse{}}
	return []operation{
		{id: "predict", method: http.MethodPost, path: "/predict", tag: "predictions", protected: true, detail: true, chooses: true,
			summary: "Predict the weekly sales of one product in one store",
			description: "Ids outside the catalogue and prices outside the trained range are answered by averages and " +
				"said in the header X-Retail-Warning.",
			takes: predictRequest{}, example: json.RawMessage(predictExample), gives: predictResponse{}, errors: predictErrors},
		{id: "batch-predict", method: http.MethodPost, path: "/batch-predict", tag: "predictions", protected: true, detail: true, chooses: true,
			summary: "Predict up to 10,000 rows at once",
			description: "A row that is wrong is answered with its errors in place of a number; a batch without one sound row is refused. " +
				"Large answers are sent while they are made.",
			takes: batchRequest{}, example: json.RawMessage(batchExample), gives: batchResponse{}, errors: predictErrors},
		{id: "token", method: http.MethodPost, path: "/token", tag: "tokens", summary: "Get a token for a name and a password",
			form: tokenForm(), gives: tokenResponse{},
			errors: map[int]any{401: errorResponse{}, 422: validationErrorResponse{}, 429: errorResponse{}, 503: errorResponse{}}},
		{id: "health", method: http.MethodGet, path: "/health", tag: "health", summary: "Whether this replica wants requests",
			gives: healthResponse{}, errors: stopping},
		{id: "healthz", method: http.MethodGet, path: "/healthz", tag: "health", summary: "The same as /health", gives: healthResponse{}, errors: stopping},
		{id: "readyz", method: http.MethodGet, path: "/readyz", tag: "health", summary: "The same as /health", gives: healthResponse{}, errors: stopping},
		{id: "livez", method: http.MethodGet, path: "/livez", tag: "health", summary: "Whether the process works", gives: healthResponse{}},
		{id: "jwks", method: http.MethodGet, path: jwksPath, tag: "tokens", summary: "Public keys that tokens are signed with", gives: keySet{}},
	}
}

// inferenceOperations are those of the Open Inference Protocol.
func inferenceOperations() []operation {
	infer := operation{
		id: "infer", method: http.MethodPost, path: inferenceRoot + "/infer", tag: "open inference protocol", protected: true, chooses: true,
		summary: "Predict up to 10,000 rows, given as columns", takes: inferRequest{}, gives: inferResponse{},
		errors: map[int]any{413: errorResponse{}, 422: inferErrorResponse{}}, example: json.RawMessage(inferExample),
	}
	inferVersion := infer
	inferVersion.id, inferVersion.path, inferVersion.chooses = "infer-version", inferenceRoot+"/versions/{version}/infer", false
	inferVersion.summary = "The same by a version of the model"
	get := func(id, path, summary string, gives any, errors map[int]any) operation {
		return operation{id: id, method: http.MethodGet, path: path, tag: "open inference protocol", summary: summary, gives: gives, errors: errors}
	}
	stopping := map[int]any{503: readyResponse{}}
	return []operation{
		get("infer-server", "/v2", "What this server is", serverResponse{}, nil),
		get("infer-live", "/v2/health/live", "Whether the process works", liveResponse{}, nil),
		get("infer-ready", "/v2/health/ready", "Whether this replica wants requests", readyResponse{}, stopping),
		get("infer-model", inferenceRoot, "What the model takes and gives", modelResponse{}, nil),
		get("infer-model-ready", inferenceRoot+"/ready", "Whether the model is ready", modelReadyResponse{}, map[int]any{503: modelReadyResponse{}}),
		get("infer-model-version", inferenceRoot+"/versions/{version}", "What a version takes and gives", modelResponse{}, map[int]any{404: inferErrorResponse{}}),
		get("infer-model-version-ready", inferenceRoot+"/versions/{version}/ready", "Whether a version is ready", modelReadyResponse{}, map[int]any{404: inferErrorResponse{}}),
		infer, inferVersion,
	}
}

// The bodies that the page offers to send.
const (
	predictExample = `{"features":{"store_id":1,"product_id":123,"date":"2024-01-01","price":29.99,"promotion":0}}`
	batchExample   = `{"instances":[
{"store_id":2,"product_id":1,"date":"2024-01-01","price":2.99,"promotion":0},
{"store_id":5,"product_id":11,"date":"2024-06-03","price":4.49,"promotion":1}]}`
)

// inferExample asks for two weeks.
const inferExample = `{"id":"1","inputs":[
{"name":"store_id","shape":[2],"datatype":"INT64","data":[2,5]},
{"name":"product_id","shape":[2],"datatype":"INT64","data":[1,11]},
{"name":"date","shape":[2],"datatype":"BYTES","data":["2024-01-01","2024-06-03"]},
{"name":"price","shape":[2],"datatype":"FP64","data":[2.99,4.49]},
{"name":"promotion","shape":[2],"datatype":"INT64","data":[0,1]}]}`

func tokenForm() *huma.Schema {
	text := &huma.Schema{Type: "string"}
	return &huma.Schema{Type: "object", Required: []string{"username", "password"}, Properties: map[string]*huma.Schema{
		"grant_type": {Type: "string", Enum: []any{"password"}},
		"username":   text,
		"password":   {Type: "string", Format: "password"},
	}}
}
