package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/internal/control"
	"github.com/albatross-lb/albatross/test/ports"
)

// What is meant to load in two seconds and to change in a tenth of one.
const (
	scaleIngresses = 1000
	scaleRules     = 10 // an Ingress
	scaleTargets   = 10 // a Service; each Ingress has one
)

// scene is a folder of manifests of that size, every object in a file of its own, and
// the process's parts that serve it, as `albatross run` joins them.
type scene struct {
	tb     testing.TB
	folder string
	loop   *control.Loop
	told   chan control.Report
	stop   func()
}

// newScene writes the manifests: groups load balancers, each with its part of the Ingresses.
func newScene(tb testing.TB, groups int) *scene {
	s := &scene{tb: tb, folder: tb.TempDir(), told: make(chan control.Report, 16)}
	for i := range scaleIngresses {
		s.write(fmt.Sprintf("app-%04d/ingress.yaml", i), s.ingress(i, groups, ""))
		s.write(fmt.Sprintf("app-%04d/service.yaml", i), fmt.Sprintf(
			"apiVersion: v1\nkind: Service\nmetadata: {name: app-%[1]d}\nspec: {ports: [{name: http, port: 80, targetPort: http}]}\n", i))
		s.write(fmt.Sprintf("app-%04d/endpoints.yaml", i), s.endpoints(i, scaleTargets))
	}
	return s
}

// ingress has one host and a path for each rule; more is put behind its last path.
func (s *scene) ingress(i, groups int, more string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: app-%d
  annotations:
    kubernetes.io/ingress.class: alb
    alb.ingress.kubernetes.io/group.name: group-%d
    alb.ingress.kubernetes.io/target-type: ip
    alb.ingress.kubernetes.io/healthcheck-path: /health
    alb.ingress.kubernetes.io/healthcheck-interval-seconds: "300"
spec:
  rules:
  - host: app-%d.example.com
    http:
      paths:
`, i, i%groups, i)
	for r := range scaleRules {
		fmt.Fprintf(&b, "      - path: /v%d\n        pathType: Prefix\n        backend:\n          service:\n            name: app-%d\n            port:\n              number: 80\n", r, i)
	}
	return b.String() + more
}

// endpoints are addresses of loopback that refuse: probes of them cost next to nothing.
func (s *scene) endpoints(i, n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: app-%[1]d\n  labels:\n    kubernetes.io/service-name: app-%[1]d\naddressType: IPv4\nports:\n- name: http\n  port: 1\nendpoints:\n", i)
	for t := range n {
		fmt.Fprintf(&b, "- addresses:\n  - 127.%d.%d.%d\n  conditions:\n    ready: true\n    serving: true\n    terminating: false\n  nodeName: node-%d\n  zone: us-east-1a\n  targetRef:\n    kind: Pod\n    name: app-%d-%d\n", 1+i/250, 1+i%250, 1+t, t, i, t)
	}
	return b.String()
}

func (s *scene) write(name, text string) {
	file := filepath.Join(s.folder, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		s.tb.Fatal(err)
	}
	if err := os.WriteFile(file+".new", []byte(text), 0o644); err != nil {
		s.tb.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil { // at once, as tools that care write
		s.tb.Fatal(err)
	}
}

// serve starts the parts and waits until the manifests are served.
func (s *scene) serve() control.Report {
	port, err := ports.Free()
	if err != nil {
		s.tb.Fatal(err)
	}
	c := runCommand{paths: paths{Paths: []string{s.folder}}, Bind: "127.0.0.1", State: s.tb.TempDir(), AccessLog: "off", PortMap: map[int]int{80: port}}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	source, err := c.source()
	if err != nil {
		s.tb.Fatal(err)
	}
	source.Log = log
	m, err := c.build(&streams{out: io.Discard, err: io.Discard}, log)
	if err != nil {
		s.tb.Fatal(err)
	}
	s.loop = &control.Loop{Sources: []control.Source{source}, Machine: m, Log: log, OnReport: func(r control.Report) { s.told <- r }}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); s.loop.Run(ctx) }()
	s.stop = func() { cancel(); <-ended; m.shutdown(ctx); m.close() }
	return s.next()
}

// next is the report on the next configuration that is served.
func (s *scene) next() control.Report {
	select {
	case r := <-s.told:
		if len(r.SetAside)+len(r.Unread) > 0 {
			s.tb.Fatalf("%v %v", r.SetAside, r.Unread)
		}
		return r
	case <-time.After(time.Minute):
		s.tb.Fatal("nothing is served after a minute")
		panic("unreachable")
	}
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

// gauge measures operations one by one, since the machine may have other work: by the
// processors' time that all of them took, and by the fastest.
type gauge struct {
	b       *testing.B
	used    time.Duration
	fastest time.Duration
}

func newGauge(b *testing.B) *gauge { return &gauge{b: b, used: processorTime(b), fastest: time.Hour} }

func (g *gauge) measure(operation func()) {
	began := time.Now()
	operation()
	g.fastest = min(g.fastest, time.Since(began))
}

func (g *gauge) report() {
	milliseconds := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	g.b.ReportMetric(milliseconds(processorTime(g.b)-g.used)/float64(g.b.N), "cpu-ms/op")
	g.b.ReportMetric(milliseconds(g.fastest), "fastest-ms")
}

func processorTime(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

var scales = []struct {
	name   string
	groups int
}{{"1,000 load balancers", 1000}, {"100 load balancers", 100}, {"1 load balancer", 1}}

// BenchmarkScaleLoad is from files on disk to the snapshot that serves.
func BenchmarkScaleLoad(b *testing.B) {
	for _, scale := range scales {
		b.Run(scale.name, func(b *testing.B) {
			s := newScene(b, scale.groups)
			b.ReportAllocs()
			g := newGauge(b)
			defer g.report()
			for b.Loop() {
				var r control.Report
				g.measure(func() { r = s.serve() })
				b.StopTimer()
				if n := len(r.Config.TargetGroups); n != scaleIngresses {
					b.Fatalf("%d target groups", n)
				}
				b.ReportMetric(float64(heapInUse())/(1<<20), "MiB-heap")
				s.stop()
				b.StartTimer()
			}
		})
	}
}

// BenchmarkScaleChange is from a changed file to the snapshot that serves it, the
// waiting for quiet included.
func BenchmarkScaleChange(b *testing.B) {
	for _, scale := range scales {
		s := newScene(b, scale.groups)
		s.serve()
		b.Run("an endpoint, "+scale.name, func(b *testing.B) {
			b.ReportAllocs()
			g := newGauge(b)
			defer g.report()
			for n := 0; b.Loop(); n++ {
				text := s.endpoints(500, scaleTargets+1+n%2)
				g.measure(func() { s.write("app-0500/endpoints.yaml", text); s.next() })
			}
		})
		b.Run("a rule, "+scale.name, func(b *testing.B) {
			b.ReportAllocs()
			g := newGauge(b)
			defer g.report()
			for n := 0; b.Loop(); n++ {
				text := s.ingress(500, scale.groups, fmt.Sprintf(
					"      - {path: /more-%d, pathType: Exact, backend: {service: {name: app-500, port: {number: 80}}}}\n", n))
				g.measure(func() { s.write("app-0500/ingress.yaml", text); s.next() })
			}
		})
		s.stop()
	}
}
