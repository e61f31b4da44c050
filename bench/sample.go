package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// sample is what one entrant did in one round.
type sample struct {
	done     float64       // requests, or mebibytes
	rate     float64       // of them a second
	p50, p99 time.Duration // latency; 0 where the client does not say
	busy     time.Duration // user and system time of the proxy's processes
	value    float64       // what is compared, where it is not CPU time
	later    float64       // the same a minute later
}

// loader uses a proxy for some time.
type loader func(ctx context.Context, e *entrant, d time.Duration) (sample, error)

// cpu is microseconds of CPU per request or mebibyte.
func cpu(s sample) float64 { return s.busy.Seconds() * 1e6 / s.done }

// timed is a loader that also reads the proxy's CPU time before and after.
func timed(load loader) loader {
	return func(ctx context.Context, e *entrant, d time.Duration) (sample, error) {
		pid := e.process.command.Process.Pid
		before, err := cpuTime(pid)
		if err != nil {
			return sample{}, err
		}
		s, err := load(ctx, e, d)
		if err != nil {
			return s, fmt.Errorf("%s: %w", e.label, err)
		}
		after, err := cpuTime(pid)
		s.busy = after - before
		return s, err
	}
}

// median of the samples by one figure.
func median(samples []sample, figure func(sample) float64) float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = figure(s)
	}
	return middle(values)
}

func middle(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	i := len(values) / 2
	if len(values)%2 == 0 {
		return (values[i-1] + values[i]) / 2
	}
	return values[i]
}

// ratios divides one entrant's figure by another's, round by round: within a round they ran
// one after the other, so what slows the machine for a while slows both.
func ratios(of, by []sample, figure func(sample) float64) []float64 {
	var values []float64
	for i := range min(len(of), len(by)) {
		values = append(values, figure(of[i])/figure(by[i]))
	}
	return values
}
