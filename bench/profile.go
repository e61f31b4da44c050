package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// profile loads each entrant once more, to see where its time goes: perf sees program and
// kernel of all of them, and Go's own profiler the goroutines of albatross.
// Neither costs nothing, so these rounds count for nothing.
func (w *work) profile(ctx context.Context, folder string, d time.Duration) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, e := range w.entrants {
		if w.load == nil {
			return nil
		}
		base := filepath.Join(folder, w.name+"-"+strings.NewReplacer(" ", "-", ",", "", "/", "").Replace(e.label))
		ended := make(chan error, 2)
		go func() { ended <- e.perf(ctx, base+".perf", d) }()
		go func() { ended <- e.pprof(ctx, base, d) }()
		_, err := w.load(ctx, e, d+time.Second)
		if err := errors.Join(err, <-ended, <-ended); err != nil {
			return fmt.Errorf("taking a profile of %s: %w", e.label, err)
		}
	}
	return nil
}

// perf samples the proxy's processes by the clock; without the program it does nothing.
func (e *entrant) perf(ctx context.Context, file string, d time.Duration) error {
	program, err := exec.LookPath("perf")
	if err != nil {
		return nil
	}
	pids, err := family(e.process.command.Process.Pid)
	if err != nil {
		return err
	}
	var list []string
	for _, pid := range pids {
		list = append(list, strconv.Itoa(pid))
	}
	out, err := exec.CommandContext(ctx, program, "record", "-q", "-e", "cpu-clock", "-F", "997", "-g", "-o", file, "-p", strings.Join(list, ","),
		"--", "sleep", wholeSeconds(d)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("running perf: %w\n%s", err, out)
	}
	return nil
}

// pprof asks albatross for its profiles of time and of allocations.
func (e *entrant) pprof(ctx context.Context, base string, d time.Duration) error {
	if e.admin == "" {
		return nil
	}
	get := func(path, file string) error {
		text, err := e.ask(ctx, "/debug/pprof/"+path+"?seconds="+wholeSeconds(d))
		if err != nil {
			return err
		}
		return os.WriteFile(base+file, text, 0o644)
	}
	allocations := make(chan error, 1)
	go func() { allocations <- get("allocs", ".allocs.pprof") }()
	return errors.Join(get("profile", ".cpu.pprof"), <-allocations)
}
