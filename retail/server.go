package retail

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/albatross-lb/albatross/retail/token"
)

// Options are what a [Server] is made of.
type Options struct {
	// Models answer the questions; [Server.SetModels] replaces them.
	Models []Weighted
	// Name tells this replica from others, in a response header, in logs and in metrics.
	Name string
	// Tokens verifies and issues tokens; nil lets everybody predict.
	Tokens *token.Issuer
	// Users are those who may have tokens; needed with Tokens.
	Users *token.Users
	// Predictions gets a share of all predictions; nil for none.
	Predictions *PredictionLog
	// Tracer makes a span of each request; nil for none.
	Tracer trace.Tracer
	// Log gets one line for each request, at level Info.
	Log *slog.Logger
	// Now is the clock; nil for the real one.
	Now func() time.Time
}

// Server is one replica of the service.
type Server struct {
	Options
	stopping atomic.Bool
	routes   map[string]*route
	docs     *route // all of /docs/
	// inference are the routes below /v2/models/retail and below its versions, by what they do: "", "ready", "infer".
	inference map[string]*route
	unknown   *route // every other path
	metrics   *metrics
	models    atomic.Pointer[models]
	lockout   token.Lockout
	buffers   sync.Pool
	replica   []string // Name, as a header's values
}

// route is one path.
type route struct {
	method string // GET routes answer HEAD too
	handle func(*exchange, *http.Request)
	counts *routeMetrics
}

// exchange is one request being answered: where the answer goes and what is to be remembered of it.
type exchange struct {
	http.ResponseWriter
	status int
	bytes  int64
	user   string
	model  string
	rows   int
	// inference says that the path is one of the Open Inference Protocol.
	inference bool
}

func (x *exchange) WriteHeader(status int) {
	if x.status == 0 && status >= 200 { // 1xx are not the answer
		x.status = status
	}
	x.ResponseWriter.WriteHeader(status)
}

func (x *exchange) Write(p []byte) (int, error) {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	n, err := x.ResponseWriter.Write(p)
	x.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// New returns a replica that is ready to serve.
func New(o Options) (*Server, error) {
	if o.Log == nil {
		return nil, errors.New("retail: a server needs a log")
	}
	if o.Tokens != nil && o.Users == nil {
		return nil, errors.New("retail: a server with tokens needs users")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{Options: o, replica: []string{o.Name}, metrics: newMetrics(o.Name, o.Now)}
	if err := s.SetModels(o.Models); err != nil {
		return nil, fmt.Errorf("retail: %w", err)
	}
	s.buffers.New = func() any { b := make([]byte, 0, 4<<10); return &b }
	document, err := s.document()
	if err != nil {
		return nil, err
	}
	ui := s.metrics.route("/docs")
	s.docs = &route{http.MethodGet, s.swagger(), ui}
	s.unknown = &route{"", s.notFound, s.metrics.route("other")}
	s.routes = map[string]*route{"/docs": s.docs, "/": {http.MethodGet, s.home, s.metrics.route("/")}}
	for path, r := range map[string]route{
		"/predict":       {http.MethodPost, s.predict, nil},
		"/batch-predict": {http.MethodPost, s.batchPredict, nil},
		"/token":         {http.MethodPost, s.token, nil},
		"/model-info":    {http.MethodGet, s.modelInfo(), nil},
		"/health":        {http.MethodGet, s.health, nil},
		"/healthz":       {http.MethodGet, s.health, nil},
		"/readyz":        {http.MethodGet, s.health, nil},
		"/livez":         {http.MethodGet, s.live, nil},
		"/metrics":       {http.MethodGet, s.metrics.serve(), nil},
		"/openapi.json":  {http.MethodGet, static(document), nil},
		jwksPath:         {http.MethodGet, s.jwks(), nil},

		"/v2":              {http.MethodGet, static(inferenceServer), nil},
		"/v2/":             {http.MethodGet, static(inferenceServer), nil},
		"/v2/health/live":  {http.MethodGet, s.inferLive, nil},
		"/v2/health/ready": {http.MethodGet, s.inferReady, nil},
	} {
		r.counts = s.metrics.route(path)
		s.routes[path] = &r
	}
	s.inference = s.inferenceRoutes()
	return s, nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	header := w.Header()
	header["X-Retail-Replica"] = s.replica
	if s.stopping.Load() {
		// Ends each connection with an answer the client can read, before Shutdown ends the idle ones.
		header["Connection"] = closeConnection
	}
	rt := s.find(r.URL.Path)
	x := exchange{ResponseWriter: w, inference: strings.HasPrefix(r.URL.Path, "/v2")}
	s.metrics.inFlight.Inc()
	if s.Tracer != nil {
		var end func(*exchange)
		r, end = s.trace(r)
		defer func() { end(&x) }()
	}
	defer func() { // also when a handler panics: the numbers have to stay right
		s.metrics.inFlight.Dec()
		took := time.Since(start)
		if x.status == 0 {
			x.status = http.StatusOK // what net/http sends for a handler that wrote nothing
		}
		rt.counts.observe(x.status, took)
		s.log(r, &x, took)
	}()
	if rt.method == r.Method || rt.method == http.MethodGet && r.Method == http.MethodHead || rt.method == "" {
		rt.handle(&x, r)
	} else {
		header.Set("Allow", rt.method)
		writeDetail(&x, http.StatusMethodNotAllowed, "Method Not Allowed")
	}
}

func (s *Server) find(path string) *route {
	if rt, ok := s.routes[path]; ok {
		return rt
	}
	if strings.HasPrefix(path, "/docs/") {
		return s.docs
	}
	if _, rest, ok := inferencePath(path); ok {
		if rt, ok := s.inference[rest]; ok {
			return rt
		}
	}
	return s.unknown
}

// log writes the request's line: who asked for what and what came of it.
func (s *Server) log(r *http.Request, x *exchange, took time.Duration) {
	ctx := r.Context()
	if !s.Log.Enabled(ctx, slog.LevelInfo) {
		return
	}
	attrs := [11]slog.Attr{
		slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", x.status),
		slog.Int64("bytes", x.bytes), slog.Duration("took", took), slog.String("from", r.RemoteAddr),
	}
	n := 6
	if x.rows > 0 {
		attrs[n] = slog.Int("predictions", x.rows)
		n++
	}
	if x.model != "" {
		attrs[n] = slog.String("model", x.model)
		n++
	}
	if x.user != "" {
		attrs[n] = slog.String("user", x.user)
		n++
	}
	if trace := r.Header.Get("X-Amzn-Trace-Id"); trace != "" {
		attrs[n] = slog.String("trace", trace)
		n++
	}
	s.Log.LogAttrs(ctx, slog.LevelInfo, "request", attrs[:n]...)
}
