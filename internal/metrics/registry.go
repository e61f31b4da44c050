package metrics

import (
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Registry holds all counters of the process and shows them.
type Registry struct {
	shards     int
	prometheus *prometheus.Registry

	mu         sync.Mutex
	balancers  map[string]*LoadBalancer
	networks   map[string]*Network
	hostCounts func() []HostCount
	ordered    func() Ordered
	logFiles   func() LogFiles
	config     configState
}

// HostCount is how many targets of a target group are healthy and how many are not, as
// one load balancer sees them, and how many have anomalies.
type HostCount struct {
	LoadBalancer string // app/<name>/<id>
	TargetGroup  string // targetgroup/<name>/<id>
	Healthy      int
	Unhealthy    int

	Compared  bool // anomalies are looked for: the group is sent requests, not flows
	Anomalous int
	Mitigated int
}

// New gives an empty registry, whose exposition also has the Go runtime's and the
// process's own metrics.
func New() *Registry {
	r := &Registry{shards: 1, prometheus: prometheus.NewRegistry(), balancers: map[string]*LoadBalancer{}, networks: map[string]*Network{}}
	for r.shards < runtime.GOMAXPROCS(0) {
		r.shards *= 2
	}
	r.prometheus.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collector{r},
	)
	return r
}

// Shards is how many shards every set of counters has: a power of two, not less than
// GOMAXPROCS was when the registry was made.
func (r *Registry) Shards() int { return r.shards }

// Handler serves the exposition, in the text format unless another one is asked for.
func (r *Registry) Handler() http.Handler {
	return promhttp.HandlerFor(r.prometheus, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError,
		ErrorLog:      slog.NewLogLogger(slog.Default().Handler(), slog.LevelWarn),
	})
}

// LoadBalancer gives the counters of the load balancer with that full name
// (app/<name>/<id>): the same ones each time.
func (r *Registry) LoadBalancer(name string) *LoadBalancer {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.balancers[name]
	if m == nil {
		m = &LoadBalancer{name: name, shards: make([]LoadBalancerShard, r.shards), groups: map[string]*TargetGroup{}}
		r.balancers[name] = m
	}
	return m
}

// Retain drops the load balancers that are not among names.
func (r *Registry) Retain(names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	retain(r.balancers, names)
	retain(r.networks, names)
}

// SetHostCounts says where the numbers of healthy and unhealthy targets are to be
// asked for at each scrape.
func (r *Registry) SetHostCounts(counts func() []HostCount) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hostCounts = counts
}

// buildInfo is the version of the binary and the revision it was built from, as the Go tool
// stamped them.
func buildInfo() (version, revision string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown", "unknown"
	}
	version, revision = info.Main.Version, "unknown"
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			revision = setting.Value
		}
	}
	return version, revision
}

// label makes a value fit to be a label: valid UTF-8, which client_golang insists on.
func label(value string) string { return strings.ToValidUTF8(value, "\uFFFD") }
