package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/albatross-lb/albatross/bench/client"
)

// latency compares p99 at one rate for all: half of what the slowest can do.
func latency(list []*entrant) *work {
	w := &work{name: "latency", title: "p99 latency at half of the saturating rate", what: "p99", format: "%.2f ms", entrants: list, aims: []aim{{"albatross", "haproxy", 1}}}
	w.figure = func(s sample) float64 { return s.p99.Seconds() * 1000 }
	w.play = func(ctx context.Context, o options, w *work) error {
		rate, err := saturation(ctx, w)
		if err != nil {
			return err
		}
		rate /= 2
		w.method = fmt.Sprintf("%.0f requests a second for each, by HTTP/1.1 over 64 connections, on a fixed schedule; time counts from when a request was due.", rate)
		fmt.Fprintf(os.Stderr, "latency at %.0f requests a second\n", rate)
		w.load = scheduled(rate)
		w.play = nil
		return w.do(ctx, o)
	}
	return w
}

// saturation is how many requests a second the slowest entrant carries.
func saturation(ctx context.Context, w *work) (float64, error) {
	least := math.Inf(1)
	for _, e := range w.entrants {
		var rounds []sample
		for range 3 {
			s, err := wrk(64, "http")(ctx, e, 2*time.Second)
			if err != nil {
				return 0, fmt.Errorf("%s: %w", e.label, err)
			}
			rounds = append(rounds, s)
		}
		least = min(least, median(rounds, func(s sample) float64 { return s.rate }))
	}
	return least, nil
}

func scheduled(rate float64) loader {
	return func(_ context.Context, e *entrant, d time.Duration) (sample, error) {
		request := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", resource, e.plain)
		taken, err := client.Schedule(e.plain, request, 64, rate, d)
		return sample{done: float64(len(taken)), rate: rate, p50: taken.At(0.5), p99: taken.At(0.99)}, err
	}
}
