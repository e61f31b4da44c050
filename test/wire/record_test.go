package wire

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// logBook is the access log of all load balancers, line by line.
type logBook struct {
	mu    sync.Mutex
	lines map[string][][]string // by the load balancer's name; each line in fields
	want  map[string]int        // how many there must be in the end
}

func (b *logBook) add(line string) {
	fields := logFields(line)
	if len(fields) != 34 {
		fmt.Println("wire: a log line with", len(fields), "fields:", line)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lines == nil {
		b.lines = map[string][][]string{}
	}
	name := strings.Split(fields[2]+"//", "/")[1]
	b.lines[name] = append(b.lines[name], fields)
}

// logFields splits a line at its spaces, but for those between quotes.
func logFields(line string) (fields []string) {
	for line != "" {
		var field string
		if quoted, ok := strings.CutPrefix(line, `"`); ok {
			field, line, _ = strings.Cut(quoted, `"`)
			line = strings.TrimPrefix(line, " ")
		} else {
			field, line, _ = strings.Cut(line, " ")
		}
		fields = append(fields, field)
	}
	return fields
}

// of gives the lines of a load balancer once there are n, in the order of their requests.
func (b *logBook) of(name string, n int) ([][]string, error) {
	for deadline := time.Now().Add(patience); ; time.Sleep(beat) {
		b.mu.Lock()
		lines := slices.Clone(b.lines[name])
		if b.want == nil {
			b.want = map[string]int{}
		}
		b.want[name] = n
		b.mu.Unlock()
		if len(lines) >= n {
			slices.SortStableFunc(lines, func(a, b []string) int { return strings.Compare(a[21], b[21]) })
			return lines, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("waiting for %d lines in the log: there are %d: %q", n, len(lines), lines)
		}
	}
}

// find waits for a line whose request has that in it, and gives the last.
func (b *logBook) find(name, part string) ([]string, error) {
	for deadline := time.Now().Add(patience); ; time.Sleep(beat) {
		b.mu.Lock()
		lines := b.lines[name]
		b.mu.Unlock()
		for _, line := range slices.Backward(lines) {
			if strings.Contains(line[12], part) {
				return line, nil
			}
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("waiting for a line with %q in the log of %s: there are %d others", part, name, len(lines))
		}
	}
}

func (b *logBook) count(name string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.lines[name])
}

// surplus looks, in the end, for lines that came after a case had been looked at.
func (b *logBook) surplus() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var errs []error
	for name, want := range b.want {
		if got := len(b.lines[name]); got != want {
			errs = append(errs, fmt.Errorf("%s: %d lines in the log, want %d: %q", findPlace(name).title(), got, want, b.lines[name]))
		}
	}
	return errors.Join(errs...)
}

var logColumns = map[string]int{"type": 0, "status": 8, "target": 9, "received": 10, "sent": 11, "response": 7, "method": 12, "url": 12, "version": 12, "actions": 22, "reason": 24, "class": 27}

// logLines is what the log says of a round that went wrong, for people to look at.
func (p *place) logLines() error {
	time.Sleep(20 * beat) // the log is written ten times a second
	lines, err := world.logs.of(p.name, world.logs.count(p.name))
	if err != nil {
		return err
	}
	return fmt.Errorf("logged: %q", lines[min(p.logged, len(lines)):])
}

// check compares the log and the counters with what a case says of them.
func (p *place) check(want []string, metrics [][2]string) (errs []error) {
	lines, err := world.logs.of(p.name, p.logged+len(want))
	if err != nil {
		return []error{err}
	}
	lines = lines[p.logged:]
	if len(lines) > len(want) {
		return []error{fmt.Errorf("the log has %d lines, want %d: %q", len(lines), len(want), lines)}
	}
	for i, w := range want {
		if err := checkLine(lines[i], strings.ReplaceAll(w, "$PORT", strconv.Itoa(p.port))); err != nil {
			errs = append(errs, err)
		}
	}
	counters, err := scrape()
	if err != nil {
		return append(errs, err)
	}
	for _, m := range metrics {
		if got := fmt.Sprint(counters.of(p.name, m[0]) - p.counted.of(p.name, m[0])); got != m[1] {
			errs = append(errs, fmt.Errorf("%s is %s, want %s", m[0], got, m[1]))
		}
	}
	for name, n := range countLines(lines) {
		if got := counters.of(p.name, name) - p.counted.of(p.name, name); got != float64(n) {
			errs = append(errs, fmt.Errorf("%s is %v; by the log it should be %d", name, got, n))
		}
	}
	return errs
}

// checkLine compares one line with "CODE FIELD=VALUE...".
func checkLine(line []string, want string) error {
	words := strings.Fields(want)
	expected := map[string]string{"status": words[0], "target": words[0], "reason": "-", "class": "-"}
	for _, w := range words[1:] {
		name, value, _ := strings.Cut(w, "=")
		if _, ok := logColumns[name]; !ok {
			return fmt.Errorf("log %s: no field is called %s", want, name)
		}
		expected[name] = value
		if name == "reason" && !strings.Contains(want, "target=") {
			expected["target"] = "-"
		}
	}
	for name, value := range expected {
		got := line[logColumns[name]]
		switch {
		case name == "class" && got != "-":
			got += "/" + line[28]
		case name == "method":
			got, _, _ = strings.Cut(got, " ")
		case name == "url":
			_, got, _ = strings.Cut(got, " ")
			got, _, _ = strings.Cut(got, " ")
		case name == "version":
			got = got[strings.LastIndexByte(got, ' ')+1:]
		}
		if got != value {
			return fmt.Errorf("the log's %s is %s, want %s: %q", name, got, value, line)
		}
	}
	return nil
}

// countLines says what the counters of answers must be by the lines of the log.
func countLines(lines [][]string) map[string]int {
	n := map[string]int{"received_requests": len(lines)}
	for _, code := range []string{"460", "463", "464", "500", "502", "503", "504"} {
		n["httpcode_elb_"+code+"_count"] = 0
	}
	for _, class := range "345" {
		n["httpcode_elb_"+string(class)+"xx_count"] = 0
	}
	for _, class := range "2345" {
		n["httpcode_target_"+string(class)+"xx_count"] = 0
	}
	n["desync_mitigation_mode_non_compliant_request_count"] = 0
	for _, line := range lines {
		status, target := line[8], line[9]
		names := []string{"httpcode_elb_" + status + "_count", "httpcode_elb_" + status[:1] + "xx_count"}
		if target != "-" {
			names = []string{"httpcode_target_" + target[:1] + "xx_count"}
		}
		if line[27] != "-" {
			names = append(names, "desync_mitigation_mode_non_compliant_request_count")
		}
		for _, name := range names {
			if _, counted := n[name]; counted {
				n[name]++
			}
		}
	}
	return n
}
