package retail

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/retail/model"
	"github.com/albatross-lb/albatross/retail/request"
	"github.com/albatross-lb/albatross/retail/token"
)

const documented = `{"features": {"store_id": 1, "product_id": 123, "date": "2024-01-01", "price": 29.99, "promotion": 0}}`

const password = "correct horse"

// hashed is the hash of password; making one takes a while on purpose.
var hashed = sync.OnceValues(func() (string, error) { return token.HashPassword(password) })

// newServer returns a replica "r1" with the user ann, at 12:00 on 1 January 2024, and what it logs.
func newServer(t testing.TB, auth bool) (*Server, *bytes.Buffer) {
	t.Helper()
	trained, err := model.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	now := func() time.Time { return time.Date(2024, 1, 1, 19, 0, 0, 5e8, time.FixedZone("", 7*3600)) }
	options := Options{Models: []Weighted{{trained, 1}}, Name: "r1", Log: slog.New(slog.NewJSONHandler(&log, nil)), Now: now}
	if auth {
		encoded, err := hashed()
		if err != nil {
			t.Fatal(err)
		}
		options.Users = token.NewUsers()
		if err := options.Users.Add("ann", encoded); err != nil {
			t.Fatal(err)
		}
		if options.Tokens, err = token.New(token.Options{Secret: bytes.Repeat([]byte("s"), 32), Lifetime: time.Minute, Now: now}); err != nil {
			t.Fatal(err)
		}
	}
	s, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	return s, &log
}

// ask sends one request; headers are pairs of name and value.
func ask(s http.Handler, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func want(t *testing.T, what string, w *httptest.ResponseRecorder, status int, body string) {
	t.Helper()
	if w.Code != status || w.Body.String() != body {
		t.Errorf("%s: %d %s\n\twant %d %s", what, w.Code, w.Body, status, body)
	}
	if got := w.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("%s: Content-Type %q", what, got)
	}
	if got := w.Header().Get("X-Retail-Replica"); got != "r1" {
		t.Errorf("%s: X-Retail-Replica %q", what, got)
	}
}

func TestPredict(t *testing.T) {
	s, _ := newServer(t, false)
	f := model.Features{StoreID: 1, ProductID: 123, Price: 29.99}
	f.Date, _ = model.ParseDate("2024-01-01")
	m := s.models.Load().primary
	p := m.Predict(f)
	answer := string(m.appendPrediction(nil, &p, false))
	w := ask(s, "POST", "/predict", documented)
	want(t, "documented question", w, 200, answer)
	if got := w.Header().Get("X-Retail-Warning"); got != "unknown store_id, unknown product_id, price outside the trained range" {
		t.Errorf("X-Retail-Warning %q", got)
	}
	// Exactly two fields in this order, the first a number.
	if got := string(m.appendPrediction(nil, &model.Prediction{Units: 150.7512}, false)); got != `{"prediction":150.75,"model_version":"v1.0"}` {
		t.Errorf("an answer is written as %s", got)
	}
	if got := string(m.appendPrediction(nil, &model.Prediction{Units: 3e21}, false)); !strings.HasPrefix(got, `{"prediction":3000000000000000000000,`) {
		t.Errorf("a large answer is written as %s", got)
	}
	for _, contentType := range []string{"application/json; charset=utf-8", "Application/JSON", "application/vnd.retail+json"} {
		want(t, contentType, ask(s, "POST", "/predict", documented, "Content-Type", contentType), 200, answer)
	}
	known := ask(s, "POST", "/predict", `{"features":{"store_id":2,"product_id":1,"date":"1992-06-01","price":2.5,"promotion":true}}`)
	if known.Code != 200 || known.Header()["X-Retail-Warning"] != nil {
		t.Errorf("known store and product: %d, X-Retail-Warning %q", known.Code, known.Header()["X-Retail-Warning"])
	}
}

func TestBatchPredict(t *testing.T) {
	s, log := newServer(t, false)
	row := func(store, product int) string {
		return fmt.Sprintf(`{"store_id":%d,"product_id":%d,"date":"1992-06-01","price":2.5,"promotion":1}`, store, product)
	}
	one := ask(s, "POST", "/predict", `{"features":`+row(2, 1)+`}`).Body.String()
	two := ask(s, "POST", "/predict", `{"features":`+row(5, 77)+`}`).Body.String()
	log.Reset()
	w := ask(s, "POST", "/batch-predict", `{"instances":[`+row(2, 1)+`,`+row(5, 77)+`]}`)
	want(t, "two rows", w, 200, `{"predictions":[`+one+`,`+two+`]}`)
	if got := w.Header().Get("X-Retail-Warning"); got != "unknown product_id" {
		t.Errorf("X-Retail-Warning %q", got)
	}
	if !strings.Contains(log.String(), `"predictions":2`) {
		t.Errorf("logged %s", log)
	}
	w = ask(s, "POST", "/batch-predict", `{"instances":[`+row(0, 77)+`]}`)
	want(t, "wrong row", w, 422, `{"detail":[{"loc":["body","instances",0,"store_id"],"msg":"Input should be greater than or equal to 1","type":"greater_than_equal"}]}`)
	w = ask(s, "POST", "/batch-predict", `{"instances":[`+row(2, 1)+`,`+row(0, 77)+`]}`)
	want(t, "sound row, wrong row", w, 200, `{"predictions":[`+one+`,{"prediction":null,"model_version":"v1.0","errors":[{"loc":["body","instances",1,"store_id"],"msg":"Input should be greater than or equal to 1","type":"greater_than_equal"}]}]}`)
}

// A large batch comes in the order it was asked in, whoever was first to be ready, and wrong rows in their places.
func TestLargeBatch(t *testing.T) {
	s, _ := newServer(t, false)
	var rows, answers []string
	for i := range request.MaxRows {
		row := fmt.Sprintf(`{"store_id":%d,"product_id":%d,"date":"1992-06-01","price":2.5,"promotion":1}`, 2+i%9, 1+i%11)
		answer := ""
		if i%1000 == 999 {
			row, answer = "{}", `{"prediction":null,"model_version":"v1.0","errors":[{"loc":["body","instances",`+fmt.Sprint(i)+`,"store_id"]`
		} else if i < 99 {
			answer = strings.TrimSuffix(ask(s, "POST", "/predict?detail=1", `{"features":`+row+`}`).Body.String(), "}")
		} else {
			answer = strings.TrimSuffix(answers[i%99], "}")
		}
		rows, answers = append(rows, row), append(answers, answer)
	}
	w := ask(s, "POST", "/batch-predict?detail=true", `{"instances":[`+strings.Join(rows, ",")+`]}`)
	if w.Code != 200 || !json.Valid(w.Body.Bytes()) || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%d %.200s", w.Code, w.Body)
	}
	text, at := w.Body.String(), 0
	for i, answer := range answers {
		next := strings.Index(text[at:], answer)
		if next < 0 || next > 500 {
			t.Fatalf("row %d is not answered by %s in its place, but %.300s", i, answer, text[at:])
		}
		at += next + len(answer)
	}
	if w := ask(s, "POST", "/batch-predict", `{"instances":[`+strings.Join(append(rows, "{}"), ",")+`]}`); w.Code != 422 || !strings.Contains(w.Body.String(), `"too_long"`) {
		t.Errorf("one row too many: %d %.200s", w.Code, w.Body)
	}
}

func TestDetail(t *testing.T) {
	s, _ := newServer(t, false)
	w := ask(s, "POST", "/predict?detail=1", documented)
	var answer struct {
		Prediction   float64
		ModelVersion string `json:"model_version"`
		Unit         string
		Interval     struct{ Level, Low, High float64 }
		Warnings     []string
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Unit != "packages per week" || answer.Interval.Level != 0.8 || answer.Interval.Low >= answer.Prediction ||
		answer.Interval.High <= answer.Prediction || len(answer.Warnings) != 3 || answer.ModelVersion != "v1.0" {
		t.Errorf("%s", w.Body)
	}
	plain := ask(s, "POST", "/predict?detail=0&x=1", documented)
	want(t, "without details", plain, 200, ask(s, "POST", "/predict", documented).Body.String())
	want(t, "neither", ask(s, "POST", "/predict?detail=perhaps", documented), 422, `{"detail":[{"loc":["query","detail"],"msg":"Input should be 0 or 1","type":"bool_parsing"}]}`)
}

// Whatever a client sends is its own mistake, and said so.
func TestWrongInput(t *testing.T) {
	s, _ := newServer(t, false)
	for _, test := range []struct {
		name, path, body, contentType string
		status                        int
		has                           string
	}{
		{"empty", "/predict", "", "application/json", 422, `{"detail":[{"loc":["body"],"msg":"Field required","type":"missing"}]}`},
		{"field missing", "/predict", strings.Replace(documented, `"price"`, `"prize"`, 1), "application/json", 422, `{"detail":[{"loc":["body","features","price"],"msg":"Field required","type":"missing"}]}`},
		{"NaN", "/predict", strings.Replace(documented, "29.99", "NaN", 1), "application/json", 422, `"features","price"],"msg":"Input should be a finite number"`},
		{"not UTF-8", "/predict", "{\"\xff\":1}", "application/json", 422, `"json_invalid"`},
		{"deep", "/predict", strings.Repeat(`{"a":`, 3000), "application/json", 422, `"json_invalid"`},
		{"form", "/predict", documented, "application/x-www-form-urlencoded", 422, `{"detail":[{"loc":["header","content-type"],`},
		{"no type", "/predict", documented, "", 422, `["header","content-type"]`},
		{"text", "/batch-predict", documented, "text/json", 422, `["header","content-type"]`},
		{"large", "/predict", documented + strings.Repeat(" ", maxPredictBody), "application/json", 413, `{"detail":"Request body too large"}`},
		{"large batch", "/batch-predict", strings.Repeat(" ", maxBatchBody+1), "application/json", 413, `{"detail":"Request body too large"}`},
		{"batch empty", "/batch-predict", `{"instances":[]}`, "application/json", 422, `"too_short"`},
		{"token JSON", "/token", `{"username":"ann"}`, "application/json", 422, `["header","content-type"]`},
		{"token large", "/token", "username=" + strings.Repeat("x", maxTokenBody), "application/x-www-form-urlencoded", 413, "too large"},
		{"token empty", "/token", "", "application/x-www-form-urlencoded", 422, `{"detail":[{"loc":["body","username"],"msg":"Field required","type":"missing"},{"loc":["body","password"],`},
		{"token form", "/token", "username=%zz", "application/x-www-form-urlencoded", 422, `"form_invalid"`},
		{"token grant", "/token", "grant_type=client_credentials&username=a&password=b", "application/x-www-form-urlencoded", 422, `"loc":["body","grant_type"]`},
	} {
		w := ask(s, "POST", test.path, test.body, "Content-Type", test.contentType)
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.has) || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: %d %s\n\twant %d %s", test.name, w.Code, w.Body, test.status, test.has)
		}
	}
	chunked := httptest.NewRequest("POST", "/predict", io.MultiReader(strings.NewReader(strings.Repeat(" ", maxPredictBody)), strings.NewReader("  ")))
	w := httptest.NewRecorder()
	s.ServeHTTP(w, chunked)
	want(t, "large without a length", w, 413, `{"detail":"Request body too large"}`)
	unread := httptest.NewRequest("POST", "/predict", brokenReader{})
	unread.ContentLength = maxPredictBody + 1
	w = httptest.NewRecorder()
	s.ServeHTTP(w, unread)
	want(t, "large by its own word", w, 413, `{"detail":"Request body too large"}`)
	broken := httptest.NewRequest("POST", "/predict", io.MultiReader(strings.NewReader("{"), brokenReader{}))
	w = httptest.NewRecorder()
	s.ServeHTTP(w, broken)
	want(t, "cut off", w, 400, `{"detail":"There was an error parsing the body"}`)
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestTokens(t *testing.T) {
	s, log := newServer(t, true)
	sign := func(name, pass string) *httptest.ResponseRecorder {
		form := url.Values{"grant_type": {"password"}, "username": {name}, "password": {pass}}
		return ask(s, "POST", "/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	}
	w := sign("ann", password)
	var answer struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	want(t, "token", w, 200, `{"access_token":"`+answer.AccessToken+`","token_type":"bearer"}`)
	if got := w.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	for name, w := range map[string]*httptest.ResponseRecorder{"wrong password": sign("ann", "x"), "unknown user": sign("bob", password)} {
		want(t, name, w, 401, `{"detail":"Incorrect username or password"}`)
		if got := w.Header().Get("WWW-Authenticate"); got != "Bearer" {
			t.Errorf("%s: WWW-Authenticate %q", name, got)
		}
	}
	log.Reset()
	for _, header := range []string{"Bearer " + answer.AccessToken, "bearer " + answer.AccessToken} {
		if w := ask(s, "POST", "/predict", documented, "Authorization", header); w.Code != 200 {
			t.Errorf("with a token: %d %s", w.Code, w.Body)
		}
	}
	if !strings.Contains(log.String(), `"path":"/predict","status":200`) || !strings.Contains(log.String(), `"user":"ann"`) {
		t.Errorf("logged %s", log)
	}
	for name, header := range map[string]string{
		"none": "", "basic": "Basic YTpi", "no scheme": answer.AccessToken, "no token": "Bearer", "empty token": "Bearer ",
		"tampered": "Bearer " + answer.AccessToken[:len(answer.AccessToken)-2] + "AA", "two spaces": "Bearer  " + answer.AccessToken,
	} {
		for _, path := range []string{"/predict", "/batch-predict"} {
			w := ask(s, "POST", path, documented, "Authorization", header)
			want(t, name, w, 401, `{"detail":"Could not validate credentials"}`)
			if got := w.Header().Get("WWW-Authenticate"); got != "Bearer" {
				t.Errorf("%s: WWW-Authenticate %q", name, got)
			}
		}
	}
	twice := httptest.NewRequest("POST", "/predict", strings.NewReader(documented))
	twice.Header["Authorization"] = []string{"Bearer " + answer.AccessToken, "Bearer x"}
	w = httptest.NewRecorder()
	s.ServeHTTP(w, twice)
	want(t, "two headers", w, 401, `{"detail":"Could not validate credentials"}`)
	if w := ask(s, "GET", "/metrics", ""); !strings.Contains(w.Body.String(), `retail_tokens_total{result="refused"} 2`) {
		t.Errorf("refusals are not counted")
	}
	off, _ := newServer(t, false)
	w = ask(off, "POST", "/token", "username=a&password=b", "Content-Type", "application/x-www-form-urlencoded")
	if w.Code != 404 {
		t.Errorf("/token with authentication off: %d %s", w.Code, w.Body)
	}
}

func TestHealth(t *testing.T) {
	s, _ := newServer(t, true)
	for _, path := range []string{"/health", "/healthz", "/readyz"} {
		want(t, path, ask(s, "GET", path, ""), 200, `{"status":"healthy","timestamp":"2024-01-01T12:00:00Z"}`)
	}
	want(t, "/livez", ask(s, "GET", "/livez", ""), 200, `{"status":"alive","timestamp":"2024-01-01T12:00:00Z"}`)
	s.stopping.Store(true)
	for _, path := range []string{"/health", "/healthz", "/readyz"} {
		w := ask(s, "GET", path, "")
		want(t, path, w, 503, `{"status":"stopping","timestamp":"2024-01-01T12:00:00Z"}`)
		if w.Header().Get("Connection") != "close" {
			t.Errorf("%s: the connection is kept while stopping", path)
		}
	}
	want(t, "/livez", ask(s, "GET", "/livez", ""), 200, `{"status":"alive","timestamp":"2024-01-01T12:00:00Z"}`)
}

func TestPaths(t *testing.T) {
	s, log := newServer(t, false)
	for _, test := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/nope", 404, ""}, {"POST", "/", 405, "GET"}, {"GET", "/", 307, ""}, {"GET", "/predict/", 404, ""}, {"GET", "//predict", 404, ""},
		{"GET", "/predict", 405, "POST"}, {"PUT", "/token", 405, "POST"}, {"DELETE", "/health", 405, "GET"}, {"HEAD", "/health", 200, ""}, {"OPTIONS", "/docs/x", 405, "GET"},
		{"GET", "/docs", 200, ""}, {"GET", "/docs/", 200, ""}, {"GET", "/docs/swagger-ui.css", 200, ""}, {"GET", "/docs/swagger-ui-bundle.js", 200, ""},
		{"GET", "/docs/../predict", 404, ""}, {"GET", "/docs/nope", 404, ""}, {"BREW", "/nope", 404, ""},
	} {
		w := ask(s, test.method, test.path, "")
		if w.Code != test.status || w.Header().Get("Allow") != test.allow {
			t.Errorf("%s %s: %d, Allow %q; want %d, %q", test.method, test.path, w.Code, w.Header().Get("Allow"), test.status, test.allow)
		}
	}
	page := ask(s, "GET", "/docs", "").Body.String()
	if !strings.Contains(page, "SwaggerUIBundle") || !strings.Contains(page, "openapi.json") {
		t.Errorf("/docs is not Swagger UI:\n%s", page)
	}
	for _, far := range []string{`src="http`, `href="http`, "//cdn", "unpkg"} {
		if strings.Contains(page, far) {
			t.Errorf("/docs loads something from elsewhere: %q", far)
		}
	}
	if strings.Count(log.String(), `"msg":"request"`) != 18 {
		t.Errorf("18 requests were logged as\n%s", log)
	}
}

func TestOpenAPI(t *testing.T) {
	s, _ := newServer(t, true)
	w := ask(s, "GET", "/openapi.json", "")
	if strings.Contains(w.Body.String(), "$schema") {
		t.Error("the document speaks of $schema")
	}
	var document struct {
		OpenAPI string `json:"openapi"`
		Paths   map[string]map[string]struct {
			Responses map[string]any        `json:"responses"`
			Security  []map[string][]string `json:"security"`
		} `json:"paths"`
		Components struct {
			SecuritySchemes map[string]struct {
				Flows map[string]struct {
					TokenURL string `json:"tokenUrl"`
				} `json:"flows"`
			} `json:"securitySchemes"`
		} `json:"components"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(document.OpenAPI, "3.1") {
		t.Errorf("OpenAPI %q", document.OpenAPI)
	}
	for path, method := range map[string]string{
		"/predict": "post", "/batch-predict": "post", "/token": "post", "/model-info": "get",
		"/health": "get", "/healthz": "get", "/readyz": "get", "/livez": "get",
	} {
		if document.Paths[path][method].Responses["200"] == nil {
			t.Errorf("%s %s is not documented", method, path)
		}
		if rt := s.routes[path]; rt == nil || strings.ToLower(rt.method) != method {
			t.Errorf("%s %s is documented but not served", method, path)
		}
	}
	if document.Components.SecuritySchemes[bearerScheme].Flows["password"].TokenURL != "token" {
		t.Error("there is no password flow")
	}
	if len(document.Paths["/predict"]["post"].Security) != 1 || document.Paths["/predict"]["post"].Responses["401"] == nil {
		t.Error("/predict is not protected in the document")
	}
	off, _ := newServer(t, false)
	if body := ask(off, "GET", "/openapi.json", "").Body.String(); strings.Contains(body, "OAuth2") || strings.Contains(body, `"401":`) && strings.Contains(body, "security") {
		t.Error("the document asks for tokens while authentication is off")
	}
}

func TestModelInfo(t *testing.T) {
	s, _ := newServer(t, true)
	w := ask(s, "GET", "/model-info", "", "Accept", "text/html")
	var info map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &info); err != nil || w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if info["model_version"] != "v1.0" || info["$schema"] != nil || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%v %v", w.Header(), info)
	}
	for _, part := range []string{`"stores":83,"products":11`, `"first_date":"1990-06-14","last_date":"1992-10-07"`, `"mape":`, `"wape":`, `"method":"naive`, `"license":"GPL-2.0-or-later"`} {
		if !strings.Contains(w.Body.String(), part) {
			t.Errorf("%s is missing in %s", part, w.Body)
		}
	}
}

func TestMetrics(t *testing.T) {
	s, _ := newServer(t, false)
	ask(s, "POST", "/predict", documented)
	ask(s, "POST", "/predict", "{}")
	ask(s, "GET", "/etc/passwd", "")
	ask(s, "POST", "/batch-predict", `{"instances":[{"store_id":2,"product_id":12,"date":"1992-06-01","price":2.5,"promotion":1}]}`)
	body := ask(s, "GET", "/metrics", "").Body.String()
	for _, line := range []string{
		`retail_requests_total{code="200",path="/predict"} 1`, `retail_requests_total{code="422",path="/predict"} 1`,
		`retail_requests_total{code="404",path="other"} 1`, `retail_request_duration_seconds_count{path="/predict"} 2`,
		`retail_prediction_units_count{model_version="v1.0"} 2`, `retail_unknown_ids_total{field="product_id",model_version="v1.0"} 2`,
		`retail_unknown_ids_total{field="store_id",model_version="v1.0"} 1`, `retail_price_outside_range_total{model_version="v1.0"} 1`,
		`retail_batch_rows_sum 1`, `retail_model_info{model_version="v1.0",replica="r1",sha256="` + s.models.Load().primary.SHA256 + `"} 1`,
		`retail_model_weight{model_version="v1.0"} 1`,
		`retail_requests_in_flight 1`, `go_goroutines`,
	} {
		if !strings.Contains(body, line) {
			t.Errorf("no line %q", line)
		}
	}
	if strings.Contains(body, "passwd") {
		t.Error("a path of a client became a label")
	}
}

func TestQuiet(t *testing.T) {
	s, _ := newServer(t, false)
	var log bytes.Buffer
	s.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	ask(s, "POST", "/predict", documented)
	if log.Len() > 0 {
		t.Errorf("logged %s", &log)
	}
}

func TestNewRefuses(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("a server without a model was made")
	}
	s, _ := newServer(t, true)
	s.Users = nil
	if _, err := New(s.Options); err == nil {
		t.Error("a server with tokens but without users was made")
	}
}

// A handler answers a prediction with a few allocations: the writer, the recorder and the pool's bookkeeping.
func BenchmarkPredict(b *testing.B) {
	s, _ := newServer(b, false)
	s.Log = slog.New(slog.DiscardHandler)
	r := httptest.NewRequest("POST", "/predict", nil)
	r.Header.Set("Content-Type", "application/json")
	body := strings.NewReader(documented)
	w := nullWriter{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		body.Reset(documented)
		r.Body = io.NopCloser(body)
		s.ServeHTTP(w, r)
	}
}

type nullWriter struct{ header http.Header }

func (w nullWriter) Header() http.Header         { return w.header }
func (w nullWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w nullWriter) WriteHeader(int)             {}
