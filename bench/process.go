package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of /proc/<pid>/stat: USER_HZ is 100 on every Linux that matters (man 5 proc).
const tick = 10 * time.Millisecond

// cpuTime is the user and system time of a process and its children so far.
func cpuTime(pid int) (time.Duration, error) {
	return sumOf(pid, func(pid int) (time.Duration, error) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, err
		}
		return statTime(string(text))
	})
}

// residentMemory is how many bytes of memory a process and its children hold. What they share
// counts more than once: only differences mean something.
func residentMemory(pid int) (int64, error) {
	return sumOf(pid, func(pid int) (int64, error) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return 0, err
		}
		_, rest, _ := strings.Cut(string(text), "\nVmRSS:")
		var kib int64
		if _, err := fmt.Sscanf(rest, "%d kB", &kib); err != nil {
			return 0, fmt.Errorf("no VmRSS: %w", err)
		}
		return kib << 10, nil
	})
}

// sumOf adds up a figure of a process and its children.
func sumOf[N int64 | time.Duration](pid int, figure func(pid int) (N, error)) (sum N, err error) {
	pids, err := family(pid)
	if err != nil {
		return 0, fmt.Errorf("listing the processes under %d: %w", pid, err)
	}
	for _, pid := range pids {
		more, err := figure(pid)
		if err != nil {
			return 0, fmt.Errorf("reading about process %d: %w", pid, err)
		}
		sum += more
	}
	return sum, nil
}

// family is a process and those it started.
func family(pid int) ([]int, error) {
	pids := []int{pid}
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return nil, err
	}
	for _, file := range lists {
		list, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for _, field := range strings.Fields(string(list)) {
			child, err := strconv.Atoi(field)
			if err != nil {
				return nil, err
			}
			more, err := family(child)
			if err != nil {
				return nil, err
			}
			pids = append(pids, more...)
		}
	}
	return pids, nil
}

// statTime reads fields 14 and 15. The second field, the name, may hold anything, but ends with the last parenthesis.
func statTime(stat string) (time.Duration, error) {
	_, rest, found := cutLast(stat, ")")
	fields := strings.Fields(rest)
	if !found || len(fields) < 13 {
		return 0, fmt.Errorf("%q is no stat line", stat)
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick, errors.Join(err1, err2)
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
