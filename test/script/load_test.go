package script

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// loading is a number of clients that send one request after the other.
type loading struct {
	stop   context.CancelFunc
	done   sync.WaitGroup
	mutex  sync.Mutex
	counts map[string]int // by status code, or by error
}

// load starts clients that keep asking for a URL on kept-alive connections.
func load(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	if neg || len(args) < 2 || w.load != nil {
		ts.Fatalf("usage: load CLIENTS [REQUEST-FLAG...] URL, once until unload")
	}
	clients, err := strconv.Atoi(args[0])
	ts.Check(err)
	a := parseAsk(ts, args[1:])
	ctx, stop := context.WithCancel(context.Background())
	w.load = &loading{stop: stop, counts: map[string]int{}}
	for range clients {
		w.load.done.Go(func() { w.load.run(ctx, a) })
	}
}

func (l *loading) run(ctx context.Context, a ask) {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: a.blind}}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport}
	for ctx.Err() == nil {
		outcome := once(&client, a)
		l.mutex.Lock()
		l.counts[outcome]++
		l.mutex.Unlock()
	}
}

// once sends one request and gives its status code, or its error.
func once(client *http.Client, a ask) string {
	r, err := http.NewRequest(a.method, a.url, strings.NewReader(a.body))
	if err != nil {
		return "error " + err.Error()
	}
	response, err := client.Do(r)
	if err != nil {
		return "error " + err.Error()
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return "error " + err.Error()
	}
	return strconv.Itoa(response.StatusCode)
}

func (l *loading) end() {
	l.stop()
	l.done.Wait()
}

// unload ends the clients and prints what they got: "CODE: COUNT" lines, "error TEXT: COUNT".
func unload(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	if neg || len(args) > 0 || w.load == nil {
		ts.Fatalf("usage: unload, after load")
	}
	w.load.end()
	var lines []string
	for outcome, n := range w.load.counts {
		lines = append(lines, fmt.Sprintf("%s: %d\n", outcome, n))
	}
	w.load = nil
	slices.Sort(lines)
	io.WriteString(ts.Stdout(), strings.Join(lines, ""))
}
