package retail

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/albatross-lb/albatross/retail/model"
)

// metrics are the numbers /metrics shows.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge

	predictions  *prometheus.HistogramVec
	unknown      *prometheus.CounterVec
	priceOutside *prometheus.CounterVec
	wrongRows    prometheus.Counter
	batchRows    prometheus.Histogram
	tokens       *prometheus.CounterVec
	reloads      *prometheus.CounterVec
	unlogged     prometheus.Counter

	name    string
	now     func() time.Time
	models  atomic.Pointer[models]
	psi     *prometheus.Desc
	info    *prometheus.Desc
	weights *prometheus.Desc
}

func newMetrics(name string, now func() time.Time) *metrics {
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	s := &metrics{
		registry: prometheus.NewRegistry(), name: name, now: now,
		requests: counters("retail_requests_total", "Requests answered, by path and status code.", "path", "code"),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "retail_request_duration_seconds", Help: "Time from a request's head to the end of its answer, by path.",
			Buckets: []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		}, []string{"path"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "retail_requests_in_flight", Help: "Requests being answered.",
		}),
		predictions: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "retail_prediction_units", Help: "Predicted units a week, by model; its count is the number of predictions.",
			Buckets: []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000},
		}, []string{"model_version"}),
		batchRows: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "retail_batch_rows", Help: "Questions in one batch.",
			Buckets: []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000},
		}),
		wrongRows: counter("retail_batch_wrong_rows_total", "Rows of batches that were answered with errors."),
		unknown: counters("retail_unknown_ids_total",
			"Predictions for a store or product that was not in the training data, by field and model.", "field", "model_version"),
		priceOutside: counters("retail_price_outside_range_total",
			"Predictions whose price lay outside what the model was trained on and was held at its edge.", "model_version"),
		tokens:   counters("retail_tokens_total", "Answers of /token: issued, refused, locked, busy, off.", "result"),
		reloads:  counters("retail_model_reloads_total", "Changes of the folder of models that were loaded or refused.", "result"),
		unlogged: counter("retail_prediction_log_dropped_total", "Predictions that the prediction log was too slow for."),
		psi: prometheus.NewDesc("retail_feature_psi",
			"Population stability index of a feature against training, over the last one to two hours.", []string{"feature", "model_version"}, nil),
		info: prometheus.NewDesc("retail_model_info", "Always 1; the labels name the model, its file and the replica.",
			[]string{"model_version", "sha256", "replica"}, nil),
		weights: prometheus.NewDesc("retail_model_weight", "Share of the requests that name no model, relative to other models'.",
			[]string{"model_version"}, nil),
	}
	s.registry.MustRegister(s.requests, s.seconds, s.inFlight, s.predictions, s.batchRows, s.wrongRows, s.unknown, s.priceOutside,
		s.tokens, s.reloads, s.unlogged, modelCollector{s},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return s
}

// modelMetrics are one model's numbers, looked up once so that counting allocates nothing.
type modelMetrics struct {
	predictions                                prometheus.Observer
	unknownStore, unknownProduct, priceOutside prometheus.Counter
	drift                                      *drift // nil where the model's file says nothing of training
}

// attach gives the models of a set their numbers. A file that was served before keeps the ones it had.
func (m *metrics) attach(set, before *models) {
	for _, one := range set.all {
		version := one.Version
		one.counts = &modelMetrics{
			predictions:  m.predictions.WithLabelValues(version),
			unknownStore: m.unknown.WithLabelValues("store_id", version), unknownProduct: m.unknown.WithLabelValues("product_id", version),
			priceOutside: m.priceOutside.WithLabelValues(version),
		}
		if before != nil {
			if old := before.version(version); old != nil && old.SHA256 == one.SHA256 {
				one.counts.drift = old.counts.drift
				continue
			}
		}
		one.counts.drift = newDrift(&one.Reference, m.now())
	}
	m.models.Store(set)
}

// modelCollector tells of the models served now.
type modelCollector struct{ *metrics }

func (c modelCollector) Describe(to chan<- *prometheus.Desc) {
	to <- c.psi
	to <- c.info
	to <- c.weights
}

func (c modelCollector) Collect(to chan<- prometheus.Metric) {
	set := c.models.Load()
	if set == nil {
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, one := range set.all {
		gauge(c.info, 1, one.Version, one.SHA256, c.name)
		gauge(c.weights, float64(one.Weight), one.Version)
		if one.counts.drift != nil {
			one.counts.drift.indexes(c.now(), func(name string, psi float64) {
				if psi == psi {
					gauge(c.psi, psi, name, one.Version)
				}
			})
		}
	}
}

// predicted counts one prediction.
func (m *modelMetrics) predicted(f *model.Features, p *model.Prediction) {
	m.predictions.Observe(p.Units)
	if m.drift != nil {
		m.drift.count(f)
	}
	if p.UnknownStore {
		m.unknownStore.Inc()
	}
	if p.UnknownProduct {
		m.unknownProduct.Inc()
	}
	if p.PriceHeld {
		m.priceOutside.Inc()
	}
}

// routeMetrics are one route's numbers, looked up once so that counting allocates nothing.
type routeMetrics struct {
	requests *prometheus.CounterVec
	ok       prometheus.Counter
	seconds  prometheus.Observer
}

func (m *metrics) route(path string) *routeMetrics {
	requests := m.requests.MustCurryWith(prometheus.Labels{"path": path})
	return &routeMetrics{requests: requests, ok: requests.WithLabelValues("200"), seconds: m.seconds.WithLabelValues(path)}
}

func (r *routeMetrics) observe(status int, took time.Duration) {
	if status == http.StatusOK {
		r.ok.Inc()
	} else {
		r.requests.WithLabelValues(strconv.Itoa(status)).Inc()
	}
	r.seconds.Observe(took.Seconds())
}

// serve answers GET /metrics.
func (m *metrics) serve() func(*exchange, *http.Request) {
	handler := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
	return func(x *exchange, r *http.Request) { handler.ServeHTTP(x, r) }
}
