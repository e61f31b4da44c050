package console

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/albatross-lb/albatross/internal/control"
	"github.com/albatross-lb/albatross/lb"
)

// Options are what the console shows. Report is needed; an endpoint whose option is
// nil answers 404.
type Options struct {
	// Report is what is served now, or nil before the first report (Loop.Report).
	Report func() *control.Report
	// Stopping tells whether the process has been told to stop, so that nothing new should be sent to it; nil: never.
	Stopping func() bool
	// Health lists the targets of one target group by its key, draining ones too.
	Health func(targetGroup string) []TargetHealth
	// NodeHealth says why this node should get no traffic, a line for each reason; nil: it should.
	NodeHealth func() []string
	// Explain says what becomes of a request; its answer is encoded as JSON. An error
	// is the asker's (400).
	Explain func(context.Context, Question) (any, error)
	// Locate gives problems with the lines of their fields; nil: as they are.
	Locate  func([]lb.Problem) []lb.Problem
	Metrics http.Handler
	Version any // encoded as JSON

	Account, Region string   // of ARNs
	Hosts           []string // more names that the console may be asked under, without ports
	Profile         bool     // serve /debug/pprof/
	Log             *slog.Logger
}

// TargetHealth is one target of a target group and the verdict on it.
type TargetHealth struct {
	Target          lb.Target
	HealthCheckPort int // 0: there is no check
	Health          lb.TargetHealth
	Anomaly         *Anomaly // nil: it is not looked for
}

// Anomaly is what automatic target weights find of a target: it fails out of proportion,
// and it gets less traffic for it.
type Anomaly struct{ Anomalous, Mitigated bool }

// Question is the request that is to be explained.
type Question struct {
	Method string
	URL    string
	Header http.Header
	From   string // address of the client; "": any
}

// Bounds on what a client may ask for and how long it may take.
const (
	maxConnections = 64
	maxHeaderBytes = 32 << 10
	readTimeout    = 10 * time.Second
	idleTimeout    = time.Minute
	writeTimeout   = 30 * time.Second
	profileTimeout = 5 * time.Minute // a profile is asked for by its seconds
)

// Console serves the admin API.
type Console struct {
	options Options
	mux     *http.ServeMux
	index   []string // path and purpose of each endpoint
}

// New makes a Console.
func New(o Options) *Console {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	c := &Console{options: o, mux: http.NewServeMux()}
	c.serve("/healthz", "the process is alive", http.HandlerFunc(c.healthz))
	c.serve("/readyz", "a configuration is being served", http.HandlerFunc(c.readyz))
	c.serve("/config", "load balancers, listeners, rules and target groups as they are served", http.HandlerFunc(c.config))
	c.serve("/set-aside", "what is not served and why, and what is served with a warning", http.HandlerFunc(c.setAside))
	if o.Health != nil {
		c.serve("/target-health", "as aws elbv2 describe-target-health; ?target-group=NAME, ARN or key&include=AnomalyDetection", http.HandlerFunc(c.targetHealth))
	}
	if o.NodeHealth != nil {
		c.serve("/node-health", "whether every target group has enough healthy targets, as AWS's DNS failover asks", http.HandlerFunc(c.nodeHealth))
	}
	if o.Explain != nil {
		c.serve("/explain", "what becomes of a request; ?url=&method=&header=Name: value&from=ADDRESS", http.HandlerFunc(c.explain))
	}
	if o.Metrics != nil {
		c.serve("/metrics", "Prometheus metrics", o.Metrics)
	}
	if o.Version != nil {
		c.serve("/version", "what is running", http.HandlerFunc(c.version))
	}
	if o.Profile {
		c.profile()
	}
	c.mux.HandleFunc("/{$}", c.root)
	c.mux.HandleFunc("/", c.unknown)
	return c
}

func (c *Console) serve(path, purpose string, h http.Handler) {
	c.mux.Handle(path, h)
	c.index = append(c.index, path, purpose)
}

func (c *Console) profile() {
	c.serve("/debug/pprof/", "profiles of the running process", http.HandlerFunc(pprof.Index))
	c.mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	c.mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	c.mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	c.mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
}

// Handler is the API with its checks of who asks and how.
func (c *Console) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		switch {
		case !c.mayAsk(r):
			fail(w, http.StatusMisdirectedRequest, "WrongHost", "the Host header "+quote(r.Host)+" is not the console's; ask under 127.0.0.1, localhost or the address it is bound to")
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			fail(w, http.StatusMethodNotAllowed, "MethodNotAllowed", "the console is read-only: GET and HEAD")
		default:
			c.mux.ServeHTTP(w, r)
		}
	})
}

// Serve answers on l, which it closes, until ctx is done; requests under way get a
// second to end. It returns why it could not go on, or nil.
func (c *Console) Serve(ctx context.Context, l net.Listener) error {
	places := newPlaces(l, maxConnections)
	s := &http.Server{
		Handler:           places.occupied(c.Handler()),
		ConnContext:       withPlace,
		ReadHeaderTimeout: readTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(c.options.Log.Handler(), slog.LevelDebug),
	}
	if c.options.Profile {
		s.WriteTimeout = profileTimeout
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		grace, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if s.Shutdown(grace) != nil {
			s.Close()
		}
	})
	err := s.Serve(places)
	if !stop() {
		<-stopped
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
