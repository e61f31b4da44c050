package retail

import (
	"net/http"
	"strconv"
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

	predictions                                prometheus.Histogram
	batchRows                                  prometheus.Histogram
	unknownStore, unknownProduct, priceOutside prometheus.Counter
	tokens                                     *prometheus.CounterVec
}

func newMetrics(m *model.Trained, name string) *metrics {
	registry := prometheus.NewRegistry()
	unknown := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "retail_unknown_ids_total", Help: "Predictions for a store or product that was not in the training data, by field.",
	}, []string{"field"})
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "retail_model_info", Help: "Always 1; the labels name the model and the replica.",
	}, []string{"model_version", "replica"})
	info.WithLabelValues(m.Version, name).Set(1)
	s := &metrics{
		registry: registry,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "retail_requests_total", Help: "Requests answered, by path and status code.",
		}, []string{"path", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "retail_request_duration_seconds", Help: "Time from a request's head to the end of its answer, by path.",
			Buckets: []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		}, []string{"path"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "retail_requests_in_flight", Help: "Requests being answered.",
		}),
		predictions: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "retail_prediction_units", Help: "Predicted units a week; its count is the number of predictions.",
			Buckets: []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000},
		}),
		batchRows: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "retail_batch_rows", Help: "Questions in one batch.", Buckets: []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000},
		}),
		unknownStore: unknown.WithLabelValues("store_id"), unknownProduct: unknown.WithLabelValues("product_id"),
		priceOutside: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "retail_price_outside_range_total", Help: "Predictions whose price lay outside what the model was trained on and was held at its edge.",
		}),
		tokens: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "retail_tokens_total", Help: "Answers of /token: issued, refused, busy, off.",
		}, []string{"result"}),
	}
	registry.MustRegister(s.requests, s.seconds, s.inFlight, s.predictions, s.batchRows, unknown, s.priceOutside, s.tokens, info,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return s
}

// predicted counts one prediction.
func (m *metrics) predicted(p model.Prediction) {
	m.predictions.Observe(p.Units)
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
