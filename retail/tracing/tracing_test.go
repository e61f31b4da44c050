package tracing

import (
	"context"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

func TestAmazonHeaders(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	provider := New(sdk.NewSimpleSpanProcessor(spans), Options{Share: 1})
	for _, test := range []struct{ header, id, parent string }{
		{"Root=1-67891233-abcdef012345678912345678", "67891233abcdef012345678912345678", "0000000000000000"},
		{"Self=1-67891234-12456789abcdef012345678;Root=1-67891233-ABCDEF012345678912345678;CalledFrom=app", "67891233abcdef012345678912345678", "0000000000000000"},
		{"Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1", "67891233abcdef012345678912345678", "53995c3f42cd8ad8"},
		{"Sampled=1; Parent=53995c3f42cd8ad8; Root=1-67891233-abcdef012345678912345678", "67891233abcdef012345678912345678", "53995c3f42cd8ad8"},
		{"Root=1-67891233-abcdef012345678912345678;Parent=xyz;Sampled=1", "67891233abcdef012345678912345678", "0000000000000000"},
		{"Root=2-67891233-abcdef012345678912345678", "", "0000000000000000"}, {"Root=1-67891233-xbcdef012345678912345678", "", "0000000000000000"},
		{"Root=1-00000000-000000000000000000000000", "", "0000000000000000"}, {"Root=", "", "0000000000000000"}, {"", "", "0000000000000000"}, {";;=;Root", "", "0000000000000000"},
	} {
		spans.Reset()
		ctx := ContextWithAmazon(context.Background(), test.header)
		ctx, outer := provider.Tracer("x").Start(ctx, "outer")
		_, inner := provider.Tracer("x").Start(ctx, "inner")
		inner.End()
		outer.End()
		got := spans.GetSpans()
		if len(got) != 2 {
			t.Fatalf("%q: %d spans", test.header, len(got))
		}
		in, out := got[0], got[1]
		if id := out.SpanContext.TraceID(); test.id != "" && id.String() != test.id || !id.IsValid() || out.Parent.SpanID().String() != test.parent {
			t.Errorf("%q: trace %s below %s, want %s below %s", test.header, id, out.Parent.SpanID(), test.id, test.parent)
		}
		if in.SpanContext.TraceID() != out.SpanContext.TraceID() || in.Parent.SpanID() != out.SpanContext.SpanID() {
			t.Errorf("%q: the inner span is not in the outer one", test.header)
		}
	}
}

func TestCallersVerdictHolds(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	provider := New(sdk.NewSimpleSpanProcessor(spans), Options{Share: 1})
	_, span := provider.Tracer("x").Start(ContextWithAmazon(t.Context(), "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=0"), "x")
	span.End()
	if n := len(spans.GetSpans()); n != 0 {
		t.Errorf("%d spans of a trace that the caller does not record", n)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1")
	f.Fuzz(func(t *testing.T, header string) { parse(header) })
}
