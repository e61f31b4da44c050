package retail

import (
	"bufio"
	"io"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/albatross-lb/albatross/retail/model"
)

// PredictionLog writes a share of all predictions as JSON lines, for whoever wants to hold them against what was sold:
//
//	{"time":"2024-01-01T12:00:00.5Z","replica":"r1","model_version":"v1.0","user":"ann","trace":"Root=1-...",
//	 "features":{"store_id":2,"product_id":1,"date":"2024-01-01","price":2.5,"promotion":0},
//	 "prediction":31.2,"low":14.1,"high":60.2,"warnings":[]}
//
// It never makes a request wait: lines go to a queue, and where the writer is too slow for them they are counted and dropped.
type PredictionLog struct {
	share float64
	lines chan []byte
	done  chan error
}

// predictionQueue is how many lines may wait to be written.
const predictionQueue = 4096

// NewPredictionLog returns a log that writes a share of predictions, 0 to 1, to w. Close ends it.
func NewPredictionLog(w io.Writer, share float64) *PredictionLog {
	l := &PredictionLog{share: share, lines: make(chan []byte, predictionQueue), done: make(chan error, 1)}
	go func() { l.done <- l.write(w) }()
	return l
}

// write writes until the queue is closed, and lets go of what it holds whenever the queue is empty.
func (l *PredictionLog) write(w io.Writer) (failed error) {
	out := bufio.NewWriterSize(w, 64<<10)
	for line := range l.lines {
		_, err := out.Write(line)
		if err == nil && len(l.lines) == 0 {
			err = out.Flush()
		}
		if err != nil && failed == nil {
			failed = err
		}
	}
	if err := out.Flush(); failed == nil {
		failed = err
	}
	return failed
}

// Close writes what waits and returns the first mistake made while writing. No prediction may follow.
func (l *PredictionLog) Close() error {
	close(l.lines)
	return <-l.done
}

// asked is a request as the prediction log tells of it.
type asked struct {
	now                  time.Time
	replica, user, trace string
}

// take logs the prediction where its turn has come, and reports whether it had to drop it.
func (l *PredictionLog) take(a *asked, m *served, f *model.Features, p *model.Prediction) (dropped bool) {
	if l == nil || l.share < 1 && rand.Float64() >= l.share {
		return false
	}
	b := append(make([]byte, 0, 384), `{"time":"`...)
	b = a.now.UTC().AppendFormat(b, time.RFC3339Nano)
	b = appendString(append(b, `","replica":`...), a.replica)
	b = append(b, m.suffix...)
	if a.user != "" {
		b = appendString(append(b, `,"user":`...), a.user)
	}
	if a.trace != "" {
		b = appendString(append(b, `,"trace":`...), a.trace)
	}
	b = strconv.AppendInt(append(b, `,"features":{"store_id":`...), f.StoreID, 10)
	b = strconv.AppendInt(append(b, `,"product_id":`...), f.ProductID, 10)
	b = append(append(append(b, `,"date":"`...), f.Date.String()...), '"')
	b = strconv.AppendFloat(append(b, `,"price":`...), f.Price, 'f', -1, 64)
	promotion := byte('0')
	if f.Promotion {
		promotion = '1'
	}
	b = append(append(b, `,"promotion":`...), promotion, '}')
	b = appendUnits(append(b, `,"prediction":`...), p.Units)
	if p.High > 0 {
		b = appendUnits(append(b, `,"low":`...), p.Low)
		b = appendUnits(append(b, `,"high":`...), p.High)
	}
	b = append(warningsOf(p).appendJSON(append(b, `,"warnings":`...)), "}\n"...)
	select {
	case l.lines <- b:
		return false
	default:
		return true
	}
}
