package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Ordered is what there is to tell of certificates that are ordered by ACME.
type Ordered struct {
	Certificates      []OrderedCertificate
	Succeeded, Failed uint64 // orders since the process began
}

// OrderedCertificate is one that is wanted.
type OrderedCertificate struct {
	Ref      string    // acme:<namespace>/<name>
	NotAfter time.Time // zero: there is none yet
}

// SetOrdered says where to ask, at each scrape, for the certificates that are ordered.
func (r *Registry) SetOrdered(ordered func() Ordered) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ordered = ordered
}

var (
	certificateExpiry = prometheus.NewDesc("albatross_acme_certificate_expiry_timestamp_seconds",
		"When a certificate had by ACME expires, in seconds since 1970; 0: there is none yet.", []string{"certificate"}, nil)
	certificateOrders = prometheus.NewDesc("albatross_acme_orders_total",
		"Orders of certificates that have ended.", []string{"result"}, nil)
)

// collectOrdered shows the certificates. A reference named twice is shown once:
// Prometheus takes no scrape that says a thing twice.
func collectOrdered(o Ordered, to chan<- prometheus.Metric) {
	to <- prometheus.MustNewConstMetric(certificateOrders, prometheus.CounterValue, float64(o.Succeeded), "success")
	to <- prometheus.MustNewConstMetric(certificateOrders, prometheus.CounterValue, float64(o.Failed), "failure")
	shown := make(map[string]bool, len(o.Certificates))
	for _, c := range o.Certificates {
		ref := label(c.Ref)
		if shown[ref] {
			continue
		}
		shown[ref] = true
		seconds := 0.0
		if !c.NotAfter.IsZero() {
			seconds = float64(c.NotAfter.Unix())
		}
		to <- prometheus.MustNewConstMetric(certificateExpiry, prometheus.GaugeValue, seconds, ref)
	}
}
