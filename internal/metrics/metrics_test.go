package metrics

import (
	"flag"
	"fmt"
	"math"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

var rewrite = flag.Bool("rewrite", false, "write testdata anew")

const balancer, group = "app/retail/50dc6c495c0c9188", "targetgroup/api/73e2d6bc24d8a067"

// scrape is the exposition's text, and the same parsed.
func scrape(t testing.TB, r *Registry) (string, map[string]*dto.MetricFamily) {
	t.Helper()
	// The handler shows what it can where metrics contradict each other. They never should.
	if _, err := r.prometheus.Gather(); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	r.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	text := w.Body.String()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return text, families
}

// busy is a registry in which every counter has another value, spread over the shards.
func busy() *Registry {
	r := New()
	m := r.LoadBalancer(balancer)
	t := m.TargetGroup(group)
	for i, c := range balancerCounters {
		c.field(m.Shard(uint32(i))).Add(uint64(100 + i))
		c.field(m.Shard(uint32(i + 1))).Add(1000)
	}
	for i, c := range groupCounters {
		c.field(t.Shard(uint32(i))).Add(uint64(200 + i))
		c.field(t.Shard(uint32(i + 1))).Add(2000)
	}
	m.Shard(0).ActiveConnections.Add(9)
	m.Shard(1).ActiveConnections.Add(-2)
	for i, d := range []time.Duration{-1, 0, 50 * time.Microsecond, 50*time.Microsecond + 1, 3 * time.Millisecond, 100 * time.Second, time.Hour} {
		t.Shard(uint32(i)).ResponseTime.Observe(d)
	}
	lines := func(n uint64) func() uint64 { return func() uint64 { return n } }
	m.SetDroppedLogLines(DroppedLines{Access: lines(12), Connection: lines(13), HealthCheck: lines(14)})
	r.SetLogFiles(func() LogFiles { return LogFiles{Files: 3, Bytes: 4096, Deleted: 2} })
	r.SetHostCounts(func() []HostCount {
		return []HostCount{{balancer, group, 2, 1, true, 1, 0}, {balancer, group, 7, 7, true, 7, 7}, {"net/n/1", group, 3, 0, false, 1, 1}}
	})
	r.ConfigReloaded(ConfigReload{OK: true, At: time.UnixMilli(1_700_000_000_250), SetAside: 9})
	r.ConfigReloaded(ConfigReload{SetAside: 3, Warnings: 4, FileErrors: []FileError{{"b.yaml", 0}, {"a.yaml", 7}, {"a.yaml", 7}}})
	return r
}

// The whole exposition but for the Go runtime's, the process's and the build's own.
func TestExposition(t *testing.T) {
	text, _ := scrape(t, busy())
	var ours strings.Builder
	for line := range strings.Lines(text) {
		if strings.Contains(line, "albatross_") && !strings.Contains(line, "albatross_build_info") {
			ours.WriteString(line)
		}
	}
	golden := filepath.Join("testdata", "exposition.txt")
	if *rewrite {
		if err := os.WriteFile(golden, []byte(ours.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if ours.String() != string(want) {
		t.Errorf("the exposition is not testdata/exposition.txt (go test -rewrite writes it anew):\n%s", ours.String())
	}
}

func TestRuntimeAndBuildAreShown(t *testing.T) {
	_, families := scrape(t, New())
	for _, name := range []string{"go_goroutines", "process_start_time_seconds", "albatross_build_info", "albatross_config_reloads_total"} {
		if families[name] == nil {
			t.Errorf("no %s", name)
		}
	}
	if families["albatross_config_last_reload_successful"] != nil {
		t.Error("a verdict on the configuration before there is one")
	}
}

// docs/metrics.md and the code name the same metrics.
func TestDocumentation(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, name := range regexp.MustCompile("`(albatross_[a-z0-9_]+)`").FindAllStringSubmatch(string(doc), -1) {
		documented[name[1]] = true
	}
	descs := make(chan *prometheus.Desc, 100)
	collector{New()}.Describe(descs)
	close(descs)
	described := map[string]bool{} // some by application and network load balancers alike
	for desc := range descs {
		name := regexp.MustCompile(`fqName: "([^"]+)"`).FindStringSubmatch(desc.String())[1]
		if !documented[name] {
			t.Errorf("docs/metrics.md lacks %s", name)
		}
		described[name] = true
	}
	for name := range documented {
		if !described[name] {
			t.Errorf("docs/metrics.md has %s, which does not exist", name)
		}
	}
}

// Every counter of a shard is shown: none can be added and forgotten.
func TestEveryFieldIsShown(t *testing.T) {
	m := New().LoadBalancer(balancer)
	for _, c := range balancerCounters {
		c.field(m.Shard(0)).Store(1)
	}
	m.Shard(0).ActiveConnections.Store(1)
	for _, c := range groupCounters {
		c.field(m.TargetGroup(group).Shard(0)).Store(1)
	}
	for _, shard := range []any{m.Shard(0), m.TargetGroup(group).Shard(0)} {
		v := reflect.ValueOf(shard).Elem()
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Name != "ResponseTime" && v.Field(i).IsZero() {
				t.Errorf("%s.%s is not shown", v.Type().Name(), f.Name)
			}
		}
	}
}

func TestShardsFillCacheLines(t *testing.T) {
	for _, typ := range []reflect.Type{reflect.TypeFor[LoadBalancerShard](), reflect.TypeFor[TargetGroupShard]()} {
		if typ.Size()%128 != 0 {
			t.Errorf("%s has %d bytes: not whole pairs of cache lines", typ, typ.Size())
		}
	}
}

func TestCodes(t *testing.T) {
	r := New()
	m := r.LoadBalancer(balancer)
	for _, code := range []int{0, 200, 301, 400, 460, 463, 464, 499, 500, 502, 503, 504, 561, 700} {
		m.Shard(1).CountELB(code)
		m.TargetGroup(group).Shard(1).CountTarget(code)
	}
	_, families := scrape(t, r)
	for name, want := range map[string]float64{
		"httpcode_elb_3xx": 1, "httpcode_elb_4xx": 5, "httpcode_elb_5xx": 5, "httpcode_elb_460": 1, "httpcode_elb_463": 1, "httpcode_elb_464": 1,
		"httpcode_elb_500": 1, "httpcode_elb_502": 1, "httpcode_elb_503": 1, "httpcode_elb_504": 1,
		"httpcode_target_2xx": 1, "httpcode_target_3xx": 1, "httpcode_target_4xx": 5, "httpcode_target_5xx": 5,
	} {
		if got := families["albatross_"+name+"_count_total"].Metric[0].Counter.GetValue(); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

// Observe's table agrees with looking for the bucket one by one.
func TestObserveAgreesWithSearch(t *testing.T) {
	check := func(d time.Duration) {
		var h Histogram
		h.Observe(d)
		want := 0
		for want < len(bounds) && d > bounds[want] {
			want++
		}
		if h.buckets[want].Load() != 1 {
			t.Errorf("%v is not in bucket %d", d, want)
		}
		if got := h.sum.Load(); got != uint64(max(d, 0)) {
			t.Errorf("%v: sum %d", d, got)
		}
	}
	check(math.MinInt64)
	check(math.MaxInt64)
	for _, b := range bounds {
		check(b - 1)
		check(b)
		check(b + 1)
	}
	for d := time.Duration(1); d > 0 && d < math.MaxInt64/2; d <<= 1 {
		check(d - 1)
		check(d)
		check(d + d/2)
	}
}

func TestSameCountersUntilRetain(t *testing.T) {
	r := New()
	m := r.LoadBalancer(balancer)
	g := m.TargetGroup(group)
	r.LoadBalancer("app/other/1")
	m.TargetGroup("targetgroup/other/1")
	if r.LoadBalancer(balancer) != m || m.TargetGroup(group) != g {
		t.Fatal("other counters for the same name")
	}
	r.Retain([]string{balancer})
	m.Retain([]string{group})
	text, _ := scrape(t, r)
	if r.LoadBalancer(balancer) != m || m.TargetGroup(group) != g || strings.Contains(text, "/other/") {
		t.Error("Retain dropped the wrong ones")
	}
}

func TestFileErrorsAreBounded(t *testing.T) {
	r := New()
	// The second and the third are the same once they are valid UTF-8.
	reload := ConfigReload{FileErrors: []FileError{{"", 0}, {"bad\xff.yaml", 1}, {"bad\uFFFD.yaml", 1}}}
	for i := range 1000 {
		reload.FileErrors = append(reload.FileErrors, FileError{fmt.Sprintf("x%03d.yaml", i), i})
	}
	r.ConfigReloaded(reload)
	if reload.FileErrors[1].File != "bad\xff.yaml" {
		t.Error("the caller's slice was sorted")
	}
	_, families := scrape(t, r)
	sum, shown := 0.0, families["albatross_config_file_errors"].Metric
	for _, m := range shown {
		sum += m.Gauge.GetValue()
	}
	if len(shown) > maxFileErrors+1 || sum != 1003 {
		t.Errorf("%d series, %v errors", len(shown), sum)
	}
}

// Adding, scraping and changing the configuration at once lose no count.
func TestConcurrentAddsAndScrapes(t *testing.T) {
	r := New()
	const adders, each = 8, 2000
	var adding, scraping sync.WaitGroup
	stop := make(chan struct{})
	scraping.Go(func() {
		for last := 0.0; ; {
			_, families := scrape(t, r)
			if f := families["albatross_request_count_total"]; f != nil {
				now := f.Metric[0].Counter.GetValue()
				if now < last {
					t.Errorf("a counter went back from %v to %v", last, now)
				}
				last = now
			}
			select {
			case <-stop:
				return
			default:
			}
			r.Retain([]string{balancer})
			r.ConfigReloaded(ConfigReload{OK: true})
		}
	})
	for a := range adders {
		adding.Go(func() {
			for i := range each {
				s := r.LoadBalancer(balancer).TargetGroup(group).Shard(uint32(a))
				s.Requests.Add(1)
				s.ResponseTime.Observe(time.Duration(i) * time.Microsecond)
			}
		})
	}
	adding.Wait()
	close(stop)
	scraping.Wait()
	_, families := scrape(t, r)
	h := families["albatross_target_response_time_seconds"].Metric[0].Histogram
	if n := families["albatross_request_count_total"].Metric[0].Counter.GetValue(); n != adders*each || h.GetSampleCount() != adders*each {
		t.Errorf("%v requests, %d response times", n, h.GetSampleCount())
	}
	if want := adders * each * (each - 1) / 2 * 1e-6; math.Abs(h.GetSampleSum()-want) > 1e-6 {
		t.Errorf("sum %v, want %v", h.GetSampleSum(), want)
	}
}

// One request's worth of counting: what the proxy adds for a forwarded request.
func BenchmarkRequest(b *testing.B) {
	for _, spread := range []bool{true, false} {
		b.Run(map[bool]string{true: "own-shard", false: "one-shard"}[spread], func(b *testing.B) {
			m := New().LoadBalancer(balancer)
			t := m.TargetGroup(group)
			var mu sync.Mutex
			var next uint32
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				mu.Lock()
				shard := next
				if spread {
					next++
				}
				mu.Unlock()
				l, g := m.Shard(shard), t.Shard(shard)
				for pb.Next() {
					l.Requests.Add(1)
					l.ProcessedBytes.Add(500)
					l.RuleEvaluations.Add(3)
					g.Requests.Add(1)
					g.CountTarget(200)
					g.ResponseTime.Observe(700 * time.Microsecond)
				}
			})
		})
	}
}

func BenchmarkScrape(b *testing.B) {
	r := New()
	for i := range 10 {
		m := r.LoadBalancer(fmt.Sprintf("app/lb/%d", i))
		for g := range 10 {
			m.TargetGroup(fmt.Sprintf("targetgroup/tg/%d", g))
		}
	}
	for b.Loop() {
		r.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/metrics", nil))
	}
}
