package retail

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/albatross-lb/albatross/retail/model"
	"github.com/albatross-lb/albatross/retail/request"
)

// The Open Inference Protocol, version 2 (https://github.com/kserve/open-inference-protocol), as KServe, Triton and MLServer
// speak it, so that clients written for any of them can ask this service.

// inferenceRoot is the path below which the protocol has the model.
const inferenceRoot = "/v2/models/retail"

var inferenceServer = []byte(`{"name":"retail-api","version":"2","extensions":[]}`)

// inferencePath takes a path of the protocol apart: the version it names, "" for none, and what is to be done: "" for the
// model's description, "/ready", "/infer".
func inferencePath(path string) (version, do string, ok bool) {
	rest, ok := strings.CutPrefix(path, inferenceRoot)
	if !ok {
		return "", "", false
	}
	if after, named := strings.CutPrefix(rest, "/versions/"); named {
		version, do, slash := strings.Cut(after, "/")
		if slash {
			do = "/" + do
		}
		return version, do, version != ""
	}
	return "", rest, true
}

func (s *Server) inferenceRoutes() map[string]*route {
	counts := func(do string) *routeMetrics { return s.metrics.route(inferenceRoot + do) }
	return map[string]*route{
		"":       {http.MethodGet, s.inferModel, counts("")},
		"/ready": {http.MethodGet, s.inferModelReady, counts("/ready")},
		"/infer": {http.MethodPost, s.infer, counts("/infer")},
	}
}

func (s *Server) inferLive(x *exchange, _ *http.Request) {
	writeJSON(x, http.StatusOK, []byte(`{"live":true}`))
}

func (s *Server) inferReady(x *exchange, _ *http.Request) {
	if s.stopping.Load() {
		writeJSON(x, http.StatusServiceUnavailable, []byte(`{"ready":false}`))
		return
	}
	writeJSON(x, http.StatusOK, []byte(`{"ready":true}`))
}

// inferVersion finds the model that the path names, or else chooses one. Where there is none it answers.
func (s *Server) inferVersion(x *exchange, r *http.Request) *served {
	version, _, _ := inferencePath(r.URL.Path)
	if version == "" {
		return s.choose(x, r)
	}
	m := s.models.Load().version(version)
	if m == nil {
		writeDetail(x, http.StatusNotFound, []request.Error{s.models.Load().noModel("path", "version")})
	}
	return m
}

func (s *Server) inferModelReady(x *exchange, r *http.Request) {
	switch {
	case s.inferVersion(x, r) == nil: // answered
	case s.stopping.Load():
		writeJSON(x, http.StatusServiceUnavailable, []byte(`{"name":"retail","ready":false}`))
	default:
		writeJSON(x, http.StatusOK, []byte(`{"name":"retail","ready":true}`))
	}
}

// tensorInfo describes a tensor; -1 is any number of rows.
type tensorInfo struct {
	Name     string `json:"name"`
	Datatype string `json:"datatype"`
	Shape    []int  `json:"shape"`
}

// inferModel answers with the model's description.
func (s *Server) inferModel(x *exchange, r *http.Request) {
	m := s.inferVersion(x, r)
	if m == nil {
		return
	}
	column := func(name, datatype string) tensorInfo { return tensorInfo{name, datatype, []int{-1}} }
	outputs := []tensorInfo{}
	for _, name := range m.outputs {
		outputs = append(outputs, column(name, "FP64"))
	}
	text, err := json.Marshal(map[string]any{
		"name": "retail", "versions": s.models.Load().versions(), "platform": "albatross_retail",
		"inputs": []tensorInfo{
			column("store_id", "INT64"), column("product_id", "INT64"), column("date", "BYTES"), column("price", "FP64"), column("promotion", "INT64"),
		},
		"outputs": outputs,
	})
	if err != nil {
		panic(err) // names and numbers always marshal
	}
	writeJSON(x, http.StatusOK, text)
}

// outputsOf are what can be asked of a model: the prediction and, where the model knows it, the interval that holds eight of ten weeks.
func outputsOf(m *model.Trained) []string {
	all := []string{"prediction", "low", "high"}
	if m.Predict(model.Features{Price: 1}).High > 0 {
		return all
	}
	return all[:1]
}

// infer answers POST .../infer.
func (s *Server) infer(x *exchange, r *http.Request) {
	if !s.authenticate(x, r) {
		return
	}
	m := s.inferVersion(x, r)
	if m == nil {
		return
	}
	if r.Header.Get("Inference-Header-Content-Length") != "" {
		writeWrong(x, request.Error{
			Loc: []any{"header", "inference-header-content-length"}, Msg: "Tensors should be JSON, not binary", Type: "value_error",
		})
		return
	}
	var body []byte
	if !s.readJSON(x, r, &body, maxBatchBody) {
		return
	}
	in, errs := request.Infer(body)
	if errs != nil {
		writeWrong(x, errs...)
		return
	}
	if errs := m.checkOutputs(in.Outputs); errs != nil {
		writeWrong(x, errs...)
		return
	}
	x.rows, x.model = len(in.Rows), m.Version
	s.metrics.batchRows.Observe(float64(len(in.Rows)))
	predictions := make([]model.Prediction, len(in.Rows))
	var w warnings
	for i := range in.Rows {
		predictions[i] = m.Predict(in.Rows[i])
		s.predicted(x, r, m, &in.Rows[i], &predictions[i])
		w |= warningsOf(&predictions[i])
	}
	x.warn(w)
	writeJSON(x, http.StatusOK, m.appendInference(nil, &in, predictions))
}

func (m *served) checkOutputs(names []string) (errs []request.Error) {
	for i, name := range names {
		if !slices.Contains(m.outputs, name) {
			errs = append(errs, request.Error{
				Loc: []any{"body", "outputs", i, "name"}, Msg: "Input should be one of " + strings.Join(m.outputs, ", "), Type: "enum",
			})
		}
	}
	return errs
}

// appendInference writes {"model_name":"retail","model_version":"v1.0","id":"7","outputs":[{"name":"prediction",...}]}.
func (m *served) appendInference(b []byte, in *request.Inference, predictions []model.Prediction) []byte {
	b = append(append(b, `{"model_name":"retail"`...), m.suffix...)
	if in.ID != nil {
		b = append(append(b, `,"id":`...), in.ID...)
	}
	names := in.Outputs
	if len(names) == 0 {
		names = m.outputs
	}
	b = append(b, `,"outputs":[`...)
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `{"name":"%s","shape":[%d],"datatype":"FP64","data":[`, name, len(predictions))
		for j := range predictions {
			if j > 0 {
				b = append(b, ',')
			}
			b = appendOutput(b, name, &predictions[j])
		}
		b = append(b, "]}"...)
	}
	return append(b, "]}"...)
}

func appendOutput(b []byte, name string, p *model.Prediction) []byte {
	switch name {
	case "low":
		return appendUnits(b, p.Low)
	case "high":
		return appendUnits(b, p.High)
	}
	return appendUnits(b, p.Units)
}

// noModel is the refusal of a version that is not served.
func (m *models) noModel(loc ...any) request.Error {
	return request.Error{Loc: loc, Msg: "Input should be one of " + strings.Join(m.versions(), ", "), Type: "enum"}
}
