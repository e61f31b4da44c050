package wire

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// figures are metrics by load balancer and name, without prefix and _total.
type figures map[[2]string]float64

func (f figures) of(place, name string) float64 { return f[[2]string{place, name}] }

// scrapes is what goes on of reading metrics: there are many, so those who want them at the
// same time share one reading, which begins after they have asked.
var scrapes struct {
	sync.Mutex
	running bool
	next    *reading
}

type reading struct {
	done chan struct{}
	figures
	err error
}

// scrape gives all metrics that belong to a load balancer, as they are now.
func scrape() (figures, error) {
	scrapes.Lock()
	r := scrapes.next
	if r == nil {
		r = &reading{done: make(chan struct{})}
		scrapes.next = r
	}
	if !scrapes.running {
		scrapes.running = true
		go readOn()
	}
	scrapes.Unlock()
	<-r.done
	return r.figures, r.err
}

// readOn reads the metrics as long as somebody asks for them.
func readOn() {
	for {
		scrapes.Lock()
		r := scrapes.next
		scrapes.next, scrapes.running = nil, r != nil
		scrapes.Unlock()
		if r == nil {
			return
		}
		r.figures, r.err = readMetrics()
		close(r.done)
	}
}

// readMetrics reads them whole. The admin API cuts off who takes longer than half a minute, which the
// metrics of 250 load balancers do where the machine has ten times more to do than it can: then once more.
func readMetrics() (figures, error) {
	for deadline := time.Now().Add(patience); ; time.Sleep(beat) {
		text, err := getMetrics()
		if err == nil {
			return parseMetrics(text)
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("reading metrics: %w", err)
		}
	}
}

func getMetrics() (string, error) {
	r, err := http.Get(world.admin + "/metrics")
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	return string(text), err
}

func parseMetrics(text string) (figures, error) {
	f := figures{}
	for line := range strings.Lines(text) {
		name, rest, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "{")
		_, place, labelled := strings.Cut(rest, `load_balancer="app/`)
		if !ok || !labelled || strings.HasPrefix(name, "#") {
			continue
		}
		place, _, _ = strings.Cut(place, "/")
		value, err := strconv.ParseFloat(rest[strings.LastIndexByte(rest, ' ')+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("reading metrics: %w", err)
		}
		name = strings.TrimSuffix(strings.TrimPrefix(name, "albatross_"), "_total")
		f[[2]string{place, name}] += value
	}
	return f, nil
}
