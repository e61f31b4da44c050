package retail

import (
	"encoding/json"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/albatross-lb/albatross/retail/request"
)

// batchPart is how many rows are predicted and written together.
const batchPart = 512

// batchPredict answers POST /batch-predict: as many answers as questions, in their order. A row that is wrong is answered with
// its errors in place of a number; where all are wrong, the batch is refused as one wrong question is.
//
// The body is read as a whole, so that a text that is not JSON is refused before anything is answered. The rows are
// then predicted in parts, on all processors, and each part is sent as soon as those before it are.
func (s *Server) batchPredict(x *exchange, r *http.Request) {
	if !s.authenticate(x, r) {
		return
	}
	var body []byte // not from the pool, whose buffers would all grow to the size of the largest batch
	if !s.readJSON(x, r, &body, maxBatchBody) {
		return
	}
	rows, errs := request.Batch(body)
	if errs != nil {
		writeWrong(x, errs...)
		return
	}
	detail, ok := wantsDetail(x, r)
	m := s.choose(x, r)
	if m == nil || !ok {
		return
	}
	s.metrics.batchRows.Observe(float64(len(rows)))
	x.rows, x.model = len(rows), m.Version
	x.warn(s.unmet(m, rows))
	(&batch{s: s, x: x, r: r, m: m, rows: rows, detail: detail}).stream()
}

// unmet looks at all rows for what the header has to say, before the first of them is answered.
func (s *Server) unmet(m *served, rows []request.Row) (w warnings) {
	for i := range rows {
		if rows[i].Errors == nil {
			p := m.Unmet(rows[i].Features)
			w |= warningsOf(&p)
		} else {
			s.metrics.wrongRows.Inc()
		}
	}
	return w
}

// batch is one batch being answered.
type batch struct {
	s      *Server
	x      *exchange
	r      *http.Request
	m      *served
	rows   []request.Row
	detail bool
	gone   atomic.Bool // the client is
}

// stream writes the answer, {"predictions":[...]}.
func (b *batch) stream() {
	b.x.Header()["Content-Type"] = contentJSON
	parts := (len(b.rows) + batchPart - 1) / batchPart
	if parts == 1 { // a small answer goes out at once, with its length
		b.x.Write(append(b.part([]byte(`{"predictions":[`), 0), "]}"...))
		return
	}
	answers, wait := b.parts(parts)
	defer wait() // also where the client is gone: nothing of a request outlives it
	flush := http.NewResponseController(b.x)
	b.x.Write([]byte(`{"predictions":[`))
	for _, answer := range answers {
		text := <-answer
		if _, err := b.x.Write(text); err != nil {
			b.gone.Store(true)
			return
		}
		flush.Flush()
	}
	b.x.Write([]byte("]}"))
}

// parts predicts all parts and gives each one's text in a channel of its own; wait returns when all the work has ended.
func (b *batch) parts(n int) (answers []chan []byte, wait func()) {
	answers = make([]chan []byte, n)
	for i := range answers {
		answers[i] = make(chan []byte, 1)
	}
	var next atomic.Int64
	var working sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		working.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && !b.gone.Load(); i = int(next.Add(1)) - 1 {
				answers[i] <- b.part(make([]byte, 0, 64*batchPart), i)
			}
		})
	}
	return answers, working.Wait
}

// part appends the answers of the rows of one part.
func (b *batch) part(to []byte, i int) []byte {
	first := i * batchPart
	rows := b.rows[first:min(first+batchPart, len(b.rows))]
	for j := range rows {
		if first+j > 0 {
			to = append(to, ',')
		}
		to = b.row(to, &rows[j])
	}
	return to
}

func (b *batch) row(to []byte, row *request.Row) []byte {
	if row.Errors != nil {
		return b.m.appendErrors(to, row.Errors)
	}
	p := b.m.Predict(row.Features)
	b.s.predicted(b.x, b.r, b.m, &row.Features, &p)
	return b.m.appendPrediction(to, &p, b.detail)
}

// appendErrors writes {"prediction":null,"model_version":"v1.0","errors":[{"loc":...,"msg":...,"type":...}]}.
func (m *served) appendErrors(b []byte, errs []request.Error) []byte {
	b = append(b, `{"prediction":null`...)
	b = append(b, m.suffix...)
	text, err := json.Marshal(errs)
	if err != nil {
		panic(err) // places and messages always marshal
	}
	return append(append(append(b, `,"errors":`...), text...), '}')
}
