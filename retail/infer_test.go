package retail

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/albatross-lb/albatross/retail/model"
)

func TestInference(t *testing.T) {
	s, _ := newServer(t, false)
	want(t, "live", ask(s, "GET", "/v2/health/live", ""), 200, `{"live":true}`)
	want(t, "ready", ask(s, "GET", "/v2/health/ready", ""), 200, `{"ready":true}`)
	want(t, "model ready", ask(s, "GET", "/v2/models/retail/ready", ""), 200, `{"name":"retail","ready":true}`)
	want(t, "version ready", ask(s, "GET", "/v2/models/retail/versions/v1.0/ready", ""), 200, `{"name":"retail","ready":true}`)
	want(t, "server", ask(s, "GET", "/v2/", ""), 200, `{"name":"retail-api","version":"2","extensions":[]}`)
	want(t, "no version", ask(s, "GET", "/v2/models/retail/versions/v7", ""), 404,
		`{"error":"path.version: Input should be one of v1.0","detail":[{"loc":["path","version"],"msg":"Input should be one of v1.0","type":"enum"}]}`)
	for _, path := range []string{"/v2/models/retail", "/v2/models/retail/versions/v1.0"} {
		w := ask(s, "GET", path, "")
		if w.Code != 200 || !strings.Contains(w.Body.String(), `{"name":"price","datatype":"FP64","shape":[-1]}`) || !strings.Contains(w.Body.String(), `"versions":["v1.0"]`) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	for path, status := range map[string]int{"/v2/models/other": 404, "/v2/models/retailer": 404, "/v2/models/retail/versions/": 404, "/v2/models/retail/infer": 405} {
		if w := ask(s, "GET", path, ""); w.Code != status || !strings.HasPrefix(w.Body.String(), `{"error":"`) {
			t.Errorf("%s: %d %s, want %d", path, w.Code, w.Body, status)
		}
	}
	var answer struct {
		ID           string
		ModelName    string `json:"model_name"`
		ModelVersion string `json:"model_version"`
		Outputs      []struct {
			Name, Datatype string
			Shape          []int
			Data           []float64
		}
	}
	w := ask(s, "POST", "/v2/models/retail/infer", inferExample)
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if answer.ID != "1" || answer.ModelName != "retail" || answer.ModelVersion != "v1.0" || len(answer.Outputs) != 3 || answer.Outputs[0].Shape[0] != 2 {
		t.Errorf("%s", w.Body)
	}
	var one struct{ Prediction float64 }
	json.Unmarshal(ask(s, "POST", "/predict", `{"features":{"store_id":5,"product_id":11,"date":"2024-06-03","price":4.49,"promotion":1}}`).Body.Bytes(), &one)
	if got := answer.Outputs[0].Data[1]; got != one.Prediction || answer.Outputs[1].Data[1] >= got || answer.Outputs[2].Data[1] <= got {
		t.Errorf("%v, but /predict says %v", answer.Outputs, one.Prediction)
	}
	only := strings.Replace(inferExample, `"id":"1"`, `"outputs":[{"name":"prediction"}]`, 1)
	if w := ask(s, "POST", "/v2/models/retail/versions/v1.0/infer", only); w.Code != 200 || strings.Contains(w.Body.String(), "low") || strings.Contains(w.Body.String(), `"id"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	nothing := strings.Replace(inferExample, `"id":"1"`, `"id":null,"parameters":null,"outputs":null`, 1)
	if w := ask(s, "POST", "/v2/models/retail/infer", nothing); w.Code != 200 || strings.Contains(w.Body.String(), `"id"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for name, body := range map[string]string{
		"unknown output": strings.Replace(only, "prediction", "mood", 1), "missing": strings.Replace(inferExample, `"price"`, `"prize"`, 1), "empty": "", "deep": strings.Repeat("[", 10000),
	} {
		w := ask(s, "POST", "/v2/models/retail/infer", body)
		if w.Code != 422 || !strings.Contains(w.Body.String(), `{"error":"`) || !strings.Contains(w.Body.String(), `"loc":["body"`) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if w := ask(s, "POST", "/v2/models/retail/infer", inferExample, "Inference-Header-Content-Length", "10"); w.Code != 422 {
		t.Errorf("binary: %d", w.Code)
	}
	if w := ask(s, "POST", "/v2/models/retail/versions/v7/infer", "{}"); w.Code != 404 {
		t.Errorf("no such version: %d %s", w.Code, w.Body)
	}
	protected, _ := newServer(t, true)
	if w := ask(protected, "POST", "/v2/models/retail/infer", inferExample); w.Code != 401 || !strings.HasPrefix(w.Body.String(), `{"error":"Could not validate`) {
		t.Errorf("without a token: %d %s", w.Code, w.Body)
	}
	if w := ask(s, "POST", "/v2/models/retail/infer", inferExample, "Content-Type", "application/octet-stream"); w.Code != 422 || !strings.HasPrefix(w.Body.String(), `{"error":"header.content-type: `) {
		t.Errorf("another content type: %d %s", w.Code, w.Body)
	}
	s.stopping.Store(true)
	want(t, "stopping", ask(s, "GET", "/v2/health/ready", ""), 503, `{"ready":false}`)
	want(t, "stopping", ask(s, "GET", "/v2/models/retail/ready", ""), 503, `{"name":"retail","ready":false}`)
}

// A model that knows no intervals does not offer them.
func TestInferenceWithoutIntervals(t *testing.T) {
	trained, err := model.Load(linear(t, "v0.9"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{Models: []Weighted{{trained, 1}}, Name: "r1", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if body := ask(s, "GET", "/v2/models/retail", "").Body.String(); !strings.Contains(body, `"outputs":[{"name":"prediction","datatype":"FP64","shape":[-1]}]`) {
		t.Errorf("%s", body)
	}
	if w := ask(s, "POST", "/v2/models/retail/infer", inferExample); w.Code != 200 || strings.Contains(w.Body.String(), "low") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	low := strings.Replace(inferExample, `"id":"1"`, `"outputs":[{"name":"low"}]`, 1)
	want(t, "low", ask(s, "POST", "/v2/models/retail/infer", low), 422, `{"error":"body.outputs.0.name: Input should be one of prediction",`+
		`"detail":[{"loc":["body","outputs",0,"name"],"msg":"Input should be one of prediction","type":"enum"}]}`)
}
