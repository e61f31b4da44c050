package retail

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	sdk "go.opentelemetry.io/otel/sdk/trace"

	"github.com/albatross-lb/albatross/retail/model"
	"github.com/albatross-lb/albatross/retail/tracing"
)

func reference(t *testing.T) *model.Reference {
	t.Helper()
	m, err := model.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return &m.Reference
}

func TestDrift(t *testing.T) {
	now := time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC)
	d := newDrift(reference(t), now)
	indexes := func() map[string]float64 {
		all := map[string]float64{}
		d.indexes(now, func(name string, psi float64) { all[name] = psi })
		return all
	}
	ask := func(n int, f model.Features) {
		for range n {
			d.count(&f)
		}
	}
	june, _ := model.ParseDate("2024-06-03")
	ask(leastDrift-1, model.Features{StoreID: 2, ProductID: 1, Date: june, Price: 2.5})
	if got := indexes()["price"]; !math.IsNaN(got) {
		t.Errorf("from too few predictions: %v", got)
	}
	ask(1, model.Features{StoreID: 2, ProductID: 1, Date: june, Price: 2.5})
	for name, least := range map[string]float64{"store_id": 1, "product_id": 1, "date": 1, "price": 0.5, "promotion": 0.2} {
		if got := indexes()[name]; !(got > least) {
			t.Errorf("always the same %s: %v, want more than %v", name, got, least)
		}
	}
	now = now.Add(driftWindow)
	indexes() // what was counted is the window before now
	if got := indexes()["store_id"]; !(got > 1) {
		t.Errorf("the window before is forgotten: %v", got)
	}
	now = now.Add(driftWindow)
	indexes()
	// The same questions as in training, evenly: products, and stores by id.
	for i := range 83 * 11 {
		ask(1, model.Features{StoreID: reference(t).Stores[i%83].ID, ProductID: int64(1 + i%11), Date: model.WeekStart(40 + i%121), Price: 2.5})
	}
	now = now.Add(driftWindow)
	for name, most := range map[string]float64{"store_id": 0.05, "product_id": 0.01, "date": 0.05} {
		if got := indexes()[name]; !(got >= 0 && got < most) {
			t.Errorf("%s as in training: %v, want less than %v", name, got, most)
		}
	}
}

func TestDriftIsTold(t *testing.T) {
	s, _ := newServer(t, false)
	rows := strings.Repeat(`{"store_id":1,"product_id":123,"date":"2024-01-01","price":29.99,"promotion":0},`, leastDrift)
	ask(s, "POST", "/batch-predict", `{"instances":[`+strings.TrimSuffix(rows, ",")+`]}`)
	body := ask(s, "GET", "/metrics", "").Body.String()
	for _, feature := range []string{"store_id", "product_id", "date", "price", "promotion"} {
		if !strings.Contains(body, `retail_feature_psi{feature="`+feature+`",model_version="v1.0"}`) {
			t.Errorf("no index of %s", feature)
		}
	}
}

func TestPredictionLog(t *testing.T) {
	s, _ := newServer(t, true)
	var out bytes.Buffer
	s.Predictions = NewPredictionLog(&out, 1)
	bearer, _ := s.Tokens.Issue(`a"b`)
	ask(s, "POST", "/predict", documented, "Authorization", "Bearer "+bearer, "X-Amzn-Trace-Id", `Root=1-"`)
	ask(s, "POST", "/batch-predict", `{"instances":[{"store_id":2,"product_id":1,"date":"1992-06-01","price":2.5,"promotion":1},{}]}`, "Authorization", "Bearer "+bearer)
	if err := s.Predictions.Close(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines:\n%s", len(lines), &out)
	}
	var line struct {
		Time, Replica, User, Trace string
		ModelVersion               string `json:"model_version"`
		Features                   map[string]any
		Prediction, Low, High      float64
		Warnings                   []string
	}
	if err := json.Unmarshal([]byte(lines[0]), &line); err != nil {
		t.Fatalf("%s: %v", lines[0], err)
	}
	if line.Time != "2024-01-01T12:00:00.5Z" || line.Replica != "r1" || line.User != `a"b` || line.Trace != `Root=1-"` || line.ModelVersion != "v1.0" ||
		line.Features["date"] != "2024-01-01" || line.Features["price"] != 29.99 || len(line.Warnings) != 3 || !(line.Low < line.Prediction && line.Prediction < line.High) {
		t.Errorf("%s", lines[0])
	}
	if !strings.Contains(lines[1], `"promotion":1`) || !strings.Contains(lines[1], `"warnings":[]`) {
		t.Errorf("%s", lines[1])
	}
}

// A log that nobody takes lines from costs lines, not requests.
func TestPredictionLogNeverWaits(t *testing.T) {
	s, _ := newServer(t, false)
	r, w := io.Pipe()
	s.Predictions = NewPredictionLog(w, 1)
	// More than the queue and the writer's buffer hold.
	rows := strings.Repeat(`{"store_id":2,"product_id":1,"date":"1992-06-01","price":2.5,"promotion":1},`, predictionQueue+1000)
	if w := ask(s, "POST", "/batch-predict", `{"instances":[`+strings.TrimSuffix(rows, ",")+`]}`); w.Code != 200 {
		t.Fatalf("%d %.200s", w.Code, w.Body)
	}
	if body := ask(s, "GET", "/metrics", "").Body.String(); strings.Contains(body, "retail_prediction_log_dropped_total 0\n") {
		t.Error("nothing was dropped")
	}
	r.CloseWithError(io.ErrClosedPipe)
	if err := s.Predictions.Close(); err == nil {
		t.Error("a log that could not be written closes well")
	}
	half := NewPredictionLog(io.Discard, 0)
	p, f := model.Prediction{Units: 1}, model.Features{}
	for range 2 * predictionQueue {
		if half.take(&asked{}, s.models.Load().primary, &f, &p) {
			t.Fatal("dropped a line that was not wanted")
		}
	}
	half.Close()
}

func TestTrace(t *testing.T) {
	s, _ := newServer(t, true)
	spans := tracetest.NewInMemoryExporter()
	provider := tracing.New(sdk.NewSimpleSpanProcessor(spans), tracing.Options{Share: 1, Service: "retail-api"})
	s.Tracer = provider.Tracer("test")
	bearer, _ := s.Tokens.Issue("ann")
	ask(s, "POST", "/predict", documented, "Authorization", "Bearer "+bearer, "X-Amzn-Trace-Id", "Root=1-67891233-abcdef012345678912345678")
	ask(s, "GET", "/made/up", "", "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "X-Amzn-Trace-Id", "Root=1-67891233-abcdef012345678912345678")
	got := spans.GetSpans()
	if len(got) != 2 {
		t.Fatalf("%d spans", len(got))
	}
	attributes := map[string]string{}
	for _, a := range got[0].Attributes {
		attributes[string(a.Key)] = a.Value.Emit()
	}
	if got[0].Name != "POST /predict" || got[0].SpanContext.TraceID().String() != "67891233abcdef012345678912345678" ||
		attributes["aws.trace_id"] != "Root=1-67891233-abcdef012345678912345678" || attributes["http.response.status_code"] != "200" ||
		attributes["enduser.id"] != "ann" || attributes["retail.model_version"] != "v1.0" {
		t.Errorf("%s in %s: %v", got[0].Name, got[0].SpanContext.TraceID(), attributes)
	}
	if got[1].Name != "GET other" || got[1].SpanContext.TraceID().String() != "0af7651916cd43dd8448eb211c80319c" || got[1].Parent.SpanID().String() != "b7ad6b7169203331" {
		t.Errorf("%s in %s below %s", got[1].Name, got[1].SpanContext.TraceID(), got[1].Parent.SpanID())
	}
}
