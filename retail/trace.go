package retail

import (
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/albatross-lb/albatross/retail/tracing"
)

// traceHeader is what AWS's load balancers, and ours, name a request with.
const traceHeader = "X-Amzn-Trace-Id"

// trace begins the request's span and returns the request that carries it, and what ends it. A traceparent header (W3C Trace
// Context) names the span it belongs to, or else X-Amzn-Trace-Id names the trace; the latter is an attribute in any case, so that
// the load balancer's access log and the trace can be found from each other.
func (s *Server) trace(r *http.Request) (*http.Request, func(*exchange)) {
	ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	amazon := r.Header.Get(traceHeader)
	if amazon != "" && !trace.SpanContextFromContext(ctx).IsValid() {
		ctx = tracing.ContextWithAmazon(ctx, amazon)
	}
	name := r.Method + " " + spanPath(s, r.URL.Path)
	ctx, span := s.Tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("http.request.method", r.Method), attribute.String("url.path", r.URL.Path),
		attribute.String("service.instance.id", s.Name),
	))
	if amazon != "" {
		span.SetAttributes(attribute.String("aws.trace_id", amazon))
	}
	return r.WithContext(ctx), func(x *exchange) {
		span.SetAttributes(attribute.Int("http.response.status_code", x.status))
		if x.model != "" {
			span.SetAttributes(attribute.String("retail.model_version", x.model), attribute.Int("retail.predictions", x.rows))
		}
		if x.user != "" {
			span.SetAttributes(attribute.String("enduser.id", x.user))
		}
		if x.status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, http.StatusText(x.status))
		}
		span.End()
	}
}

// spanPath names the route, not what clients made up.
func spanPath(s *Server, path string) string {
	switch rt := s.find(path); {
	case rt == s.unknown:
		return "other"
	case rt == s.docs:
		return "/docs"
	}
	if _, do, ok := inferencePath(path); ok && strings.HasPrefix(path, inferenceRoot) {
		return inferenceRoot + do
	}
	return path
}
