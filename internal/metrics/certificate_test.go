package metrics

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestOrderedCertificates(t *testing.T) {
	r := New()
	scrape := func() string {
		w := httptest.NewRecorder()
		r.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		if w.Code != 200 {
			t.Fatalf("scrape: %d %s", w.Code, w.Body)
		}
		return w.Body.String()
	}
	if strings.Contains(scrape(), "albatross_acme") {
		t.Error("shown although nobody orders certificates")
	}
	r.SetOrdered(func() Ordered {
		return Ordered{Succeeded: 3, Failed: 2, Certificates: []OrderedCertificate{
			{"acme:shop/a", time.Unix(1_900_000_000, 0)}, {"acme:shop/b", time.Time{}}, {"acme:shop/a", time.Unix(1, 0)}}}
	})
	got := scrape()
	for _, want := range []string{
		`albatross_acme_certificate_expiry_timestamp_seconds{certificate="acme:shop/a"} 1.9e+09`,
		`albatross_acme_certificate_expiry_timestamp_seconds{certificate="acme:shop/b"} 0`,
		`albatross_acme_orders_total{result="success"} 3`,
		`albatross_acme_orders_total{result="failure"} 2`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("%s is missing", want)
		}
	}
}
