package retail

import (
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/albatross-lb/albatross/retail/model"
	"github.com/albatross-lb/albatross/retail/request"
)

// The lengths of bodies that are read. A question takes about 120 bytes.
const (
	maxPredictBody = 16 << 10
	maxBatchBody   = 4 << 20
)

// predict answers POST /predict: one question, one number.
func (s *Server) predict(x *exchange, r *http.Request) {
	if !s.authenticate(x, r) {
		return
	}
	buffer := s.buffers.Get().(*[]byte)
	defer s.buffers.Put(buffer)
	if !s.readJSON(x, r, buffer, maxPredictBody) {
		return
	}
	features, errs := request.Predict(*buffer)
	if errs != nil {
		writeWrong(x, errs...)
		return
	}
	detail, ok := wantsDetail(x, r)
	m := s.choose(x, r)
	if m == nil || !ok {
		return
	}
	p := m.Predict(features)
	s.predicted(x, r, m, &features, &p)
	x.rows, x.model = 1, m.Version
	x.warn(warningsOf(&p))
	writeJSON(x, http.StatusOK, m.appendPrediction((*buffer)[:0], &p, detail))
}

// predicted counts and logs one prediction.
func (s *Server) predicted(x *exchange, r *http.Request, m *served, f *model.Features, p *model.Prediction) {
	m.counts.predicted(f, p)
	if s.Predictions == nil {
		return
	}
	a := asked{now: s.Now(), replica: s.Name, user: x.user, trace: r.Header.Get(traceHeader)}
	if s.Predictions.take(&a, m, f, p) {
		s.metrics.unlogged.Inc()
	}
}

// wantsDetail reads ?detail=1 (or true, 0, false). Where it is something else, the request is answered and ok is false.
func wantsDetail(x *exchange, r *http.Request) (detail, ok bool) {
	if r.URL.RawQuery == "" {
		return false, true
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err == nil && !query.Has("detail") {
		return false, true
	}
	switch strings.ToLower(query.Get("detail")) {
	case "1", "true":
		return true, true
	case "0", "false":
		return false, true
	}
	writeWrong(x, request.Error{Loc: []any{"query", "detail"}, Msg: "Input should be 0 or 1", Type: "bool_parsing"})
	return false, false
}

// readJSON reads the body of a request that has to be JSON, or answers it.
func (s *Server) readJSON(x *exchange, r *http.Request, buffer *[]byte, limit int) bool {
	if !readBody(x, r, buffer, limit) {
		return false
	}
	if !isJSON(r.Header.Get("Content-Type")) {
		writeWrong(x, wrongContentType("application/json"))
		return false
	}
	return true
}

// unit is what a prediction counts, in an answer with details.
const unit = `,"unit":"packages per week"`

// appendPrediction writes {"prediction":150.75,"model_version":"v1.0"}, with details
//
//	{"prediction":150.75,"model_version":"v1.0","unit":"packages per week","interval":{"level":0.8,"low":80,"high":300},
//	 "warnings":["unknown store_id"]}
//
// The interval is null where the model does not know it.
func (m *served) appendPrediction(b []byte, p *model.Prediction, detail bool) []byte {
	b = append(b, `{"prediction":`...)
	b = appendUnits(b, p.Units)
	b = append(b, m.suffix...)
	if detail {
		b = append(b, unit...)
		b = append(b, `,"interval":`...)
		if p.High > 0 {
			b = append(b, `{"level":0.8,"low":`...)
			b = appendUnits(b, p.Low)
			b = append(b, `,"high":`...)
			b = append(appendUnits(b, p.High), '}')
		} else {
			b = append(b, "null"...)
		}
		b = append(b, `,"warnings":`...)
		b = warningsOf(p).appendJSON(b)
	}
	return append(b, '}')
}

// appendUnits writes units rounded to hundredths.
func appendUnits(b []byte, units float64) []byte {
	return strconv.AppendFloat(b, math.Round(units*100)/100, 'f', -1, 64)
}

// appendString writes a string as JSON. Nothing in it is trusted: names and headers come from outside.
func appendString(b []byte, s string) []byte {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings always marshal
	}
	return append(b, text...)
}

// warnings says what is unusual about questions: an average stood in for something the model has not met.
type warnings uint8

const (
	warnStore warnings = 1 << iota
	warnProduct
	warnPrice
)

var warningTexts = [...]string{"unknown store_id", "unknown product_id", "price outside the trained range"}

func warningsOf(p *model.Prediction) (w warnings) {
	if p.UnknownStore {
		w |= warnStore
	}
	if p.UnknownProduct {
		w |= warnProduct
	}
	if p.PriceHeld {
		w |= warnPrice
	}
	return w
}

func (w warnings) texts() []string {
	var texts []string
	for bit, text := range warningTexts {
		if w>>bit&1 == 1 {
			texts = append(texts, text)
		}
	}
	return texts
}

func (w warnings) appendJSON(b []byte) []byte {
	b = append(b, '[')
	for i, text := range w.texts() {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), text...), '"')
	}
	return append(b, ']')
}

// warningHeaders are the values of X-Retail-Warning.
var warningHeaders = func() (h [8][]string) {
	for w := range h {
		h[w] = []string{strings.Join(warnings(w).texts(), ", ")}
	}
	return h
}()

// warn tells the client in a header, since an answer without details has no place for it.
func (x *exchange) warn(w warnings) {
	if w != 0 {
		x.Header()["X-Retail-Warning"] = warningHeaders[w]
	}
}
