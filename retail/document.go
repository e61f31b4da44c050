package retail

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/swaggest/swgui"
	"github.com/swaggest/swgui/v5emb"
)

const bearerScheme = "OAuth2PasswordBearer"

// apiVersion is that of the endpoints, not of a model.
const apiVersion = "1.1"

// api returns huma's view of the service, the handler behind it included. Only /model-info is answered through it.
func (s *Server) api() (huma.API, http.Handler) {
	config := huma.DefaultConfig("Retail Prediction API", apiVersion)
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
		Summary:     "What the model is, what it was trained on and how far off it is",
		Description: "Speaks of the model that answers most requests, or of the one named; `models` lists all.",
	}, func(_ context.Context, in *modelInfoInput) (*modelInfo, error) { return s.info(in) })
	return api, mux
}

// document returns the OpenAPI document as JSON.
func (s *Server) document() ([]byte, error) {
	api, _ := s.api()
	open := api.OpenAPI()
	schema := func(v any) *huma.Schema { return open.Components.Schemas.Schema(reflect.TypeOf(v), true, "") }
	for _, o := range operations() {
		open.AddOperation(s.describe(o, schema))
	}
	// Huma describes errors of its own for the one endpoint it answers; what is wrong there is answered as everywhere else.
	info := open.Paths["/model-info"].Get
	delete(info.Responses, "default")
	info.Responses["422"] = &huma.Response{Description: http.StatusText(422), Content: map[string]*huma.MediaType{
		"application/json": {Schema: schema(validationErrorResponse{})},
	}}
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
		op.RequestBody.Content["application/json"].Example = o.example
	}
	if o.detail {
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: "detail", In: "query", Description: "1 adds unit, interval and warnings", Schema: &huma.Schema{Type: "integer", Enum: []any{0, 1}},
		})
	}
	if o.chooses {
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: modelHeader, In: "header", Description: "Version of the model to ask, in place of one by weight", Schema: &huma.Schema{Type: "string"},
		})
	}
	if strings.Contains(o.path, "{version}") {
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: "version", In: "path", Required: true, Schema: &huma.Schema{Type: "string", Examples: []any{"v1.0"}},
		})
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
