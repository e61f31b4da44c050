// Package tracing sends OpenTelemetry spans that carry the trace id of AWS's load balancers.
//
// An Application Load Balancer, and Albatross, name each request in X-Amzn-Trace-Id: Root=1-67891233-abcdef012345678912345678. The Root
// without dashes and version is a trace id as OpenTelemetry has them, but the header mostly names no parent span, and
// OpenTelemetry takes no trace id without one. So the id goes another way: whoever begins a span puts the header into the
// context ([ContextWithAmazon]), and the generator of ids ([New]) finds it there when the span turns out to be the first of its
// trace. Where the header names a parent too (as X-Ray's own instrumentation does), that is the span's parent, and its verdict on
// sampling holds.
package tracing

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Options say where spans go.
type Options struct {
	// Endpoint is the URL of an OTLP receiver over HTTP, as http://127.0.0.1:4318; without a path /v1/traces is meant.
	Endpoint string
	// Share of traces that begin here and are recorded, 0 to 1. Those that the caller began follow the caller.
	Share float64
	// Service and Version name this program in spans.
	Service, Version string
}

// Start returns a provider that sends spans to the endpoint, in the background. Its Shutdown sends what is left.
func Start(ctx context.Context, o Options) (*sdk.TracerProvider, error) {
	endpoint := o.Endpoint
	if u, err := url.Parse(endpoint); err == nil && strings.Trim(u.Path, "/") == "" {
		endpoint = u.JoinPath("v1", "traces").String()
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(endpoint))
	if err != nil {
		return nil, fmt.Errorf("tracing to %s: %w", o.Endpoint, err)
	}
	return New(sdk.NewBatchSpanProcessor(exporter), o), nil
}

// New returns a provider that gives its spans to the processor.
func New(p sdk.SpanProcessor, o Options) *sdk.TracerProvider {
	return sdk.NewTracerProvider(
		sdk.WithSpanProcessor(p), sdk.WithIDGenerator(ids{}), sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(o.Share))),
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", o.Service), attribute.String("service.version", o.Version))),
	)
}

type amazonKey struct{}

// ContextWithAmazon returns a context in which spans belong to the trace that an X-Amzn-Trace-Id header names. A header
// without a Root, or with one that is not one, changes nothing.
func ContextWithAmazon(ctx context.Context, header string) context.Context {
	id, parent, sampled := parse(header)
	if !id.IsValid() {
		return ctx
	}
	if parent.IsValid() {
		return trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: id, SpanID: parent, TraceFlags: sampled, Remote: true,
		}))
	}
	return context.WithValue(ctx, amazonKey{}, id)
}

// parse reads Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1, in any order and with other fields.
func parse(header string) (id trace.TraceID, parent trace.SpanID, flags trace.TraceFlags) {
	for field := range strings.SplitSeq(header, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch name {
		case "Root":
			parts := strings.Split(value, "-")
			if len(parts) == 3 && parts[0] == "1" && len(parts[1]) == 8 && len(parts[2]) == 24 {
				id, _ = trace.TraceIDFromHex(strings.ToLower(parts[1] + parts[2]))
			}
		case "Parent":
			if len(value) == 16 {
				var b [8]byte
				if _, err := hex.Decode(b[:], []byte(value)); err == nil {
					parent = b
				}
			}
		case "Sampled":
			if value == "1" {
				flags = trace.FlagsSampled
			}
		}
	}
	return id, parent, flags
}

// ids makes ids, the trace's own where the context holds one.
type ids struct{}

func (ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	id, ok := ctx.Value(amazonKey{}).(trace.TraceID)
	for !ok || !id.IsValid() {
		binary.BigEndian.PutUint64(id[:8], rand.Uint64())
		binary.BigEndian.PutUint64(id[8:], rand.Uint64())
		ok = true
	}
	return id, newSpan()
}

func (ids) NewSpanID(context.Context, trace.TraceID) trace.SpanID { return newSpan() }

func newSpan() (span trace.SpanID) {
	for !span.IsValid() {
		binary.BigEndian.PutUint64(span[:], rand.Uint64())
	}
	return span
}
