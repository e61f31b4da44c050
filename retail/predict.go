package retail

import (
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/albatross-lb/albatross/retail/model"
	"github.com/albatross-lb/albatross/retail/request"
)

// The lengths of bodies that are read. A question takes about 120 bytes.
const (
	maxPredictBody = 16 << 10
	maxBatchBody   = 1 << 20
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
	p := s.Model.Predict(features)
	s.metrics.predicted(p)
	x.rows = 1
	x.warn(p)
	answer := s.appendPrediction((*buffer)[:0], p)
	writeJSON(x, http.StatusOK, answer)
}

// batchPredict answers POST /batch-predict: as many numbers as questions, in their order, or none.
func (s *Server) batchPredict(x *exchange, r *http.Request) {
	if !s.authenticate(x, r) {
		return
	}
	var body []byte // not from the pool, whose buffers would all grow to the size of the largest batch
	if !s.readJSON(x, r, &body, maxBatchBody) {
		return
	}
	rows, errs := request.Batch(nil, body)
	if errs != nil {
		writeWrong(x, errs...)
		return
	}
	s.metrics.batchRows.Observe(float64(len(rows)))
	x.rows = len(rows)
	answer := append(body[:0:0], `{"predictions":[`...)
	var all model.Prediction
	for i, features := range rows {
		p := s.Model.Predict(features)
		s.metrics.predicted(p)
		all.UnknownStore = all.UnknownStore || p.UnknownStore
		all.UnknownProduct = all.UnknownProduct || p.UnknownProduct
		all.PriceHeld = all.PriceHeld || p.PriceHeld
		if i > 0 {
			answer = append(answer, ',')
		}
		answer = s.appendPrediction(answer, p)
	}
	x.warn(all)
	writeJSON(x, http.StatusOK, append(answer, "]}"...))
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

// appendPrediction writes {"prediction":150.75,"model_version":"v1.0"}: units rounded to hundredths.
func (s *Server) appendPrediction(b []byte, p model.Prediction) []byte {
	b = append(b, `{"prediction":`...)
	b = strconv.AppendFloat(b, math.Round(p.Units*100)/100, 'f', -1, 64)
	b = append(b, `,"model_version":`...)
	b = strconv.AppendQuote(b, s.Model.Version)
	return append(b, '}')
}

// warnings are the values of X-Retail-Warning, by what is unusual about a question: bit 0 an unknown store, bit 1 an
// unknown product, bit 2 a price outside the trained range.
var warnings = func() (w [8][]string) {
	names := [...]string{"unknown store_id", "unknown product_id", "price outside the trained range"}
	for i := range w {
		var parts []string
		for bit, name := range names {
			if i>>bit&1 == 1 {
				parts = append(parts, name)
			}
		}
		w[i] = []string{strings.Join(parts, ", ")}
	}
	return w
}()

// warn tells the client, in a header since the answer's fields are fixed, that an average stood in for something the model
// has not met.
func (x *exchange) warn(p model.Prediction) {
	i := 0
	if p.UnknownStore {
		i |= 1
	}
	if p.UnknownProduct {
		i |= 2
	}
	if p.PriceHeld {
		i |= 4
	}
	if i != 0 {
		x.Header()["X-Retail-Warning"] = warnings[i]
	}
}
