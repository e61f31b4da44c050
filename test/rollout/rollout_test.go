package rollout

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// load is clients that send requests without a pause, each on a connection that it keeps.
type load struct {
	stop    chan struct{}
	clients sync.WaitGroup

	mu       sync.Mutex
	requests int
	answers  map[string]int // "POST 200", "GET 502", "GET EOF"
	replicas map[string]int
}

const clients = 8

// startLoad asks for what a replica answers to its end. Its health checks it fails from SIGTERM on: what asks for
// /health and was on its way when the target left the rotation may well get the replica's own 503.
func startLoad(w *world) *load {
	l := &load{stop: make(chan struct{}), answers: map[string]int{}, replicas: map[string]int{}}
	for i := range clients {
		method, path, body := "POST", "/predict", prediction
		if i%2 == 1 {
			method, path, body = "GET", "/model-info", ""
		}
		l.clients.Go(func() {
			// A client never sends a request again by itself: http.Client would, on a
			// connection that was closed, and hide what is counted here.
			c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}, Timeout: patience}
			defer c.CloseIdleConnections()
			for {
				select {
				case <-l.stop:
					return
				default:
				}
				status, replica, _, err := request(c, method, w.http+path, "", body)
				l.count(method, status, replica, err)
			}
		})
	}
	return l
}

func (l *load) count(method string, status int, replica string, err error) {
	word := method + " " + strconv.Itoa(status)
	if err != nil {
		word = method + " " + err.Error()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests++
	l.answers[word]++
	l.replicas[replica]++
}

// end stops the clients and gives the answers other than 200.
func (l *load) end() (requests int, others map[string]int) {
	close(l.stop)
	l.clients.Wait()
	others = maps.Clone(l.answers)
	delete(others, "GET 200")
	delete(others, "POST 200")
	return l.requests, others
}

// forget drops what was counted of the replicas so far.
func (l *load) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.replicas)
}

func (l *load) served(replica string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.replicas[replica]
}

// TestChangesLoseNothing edits, adds, breaks and removes files under load.
func TestChangesLoseNothing(t *testing.T) {
	w := newWorld(t)
	l := startLoad(w)
	c := &http.Client{Timeout: patience}
	var effects []time.Duration
	marked := func(want string) bool {
		_, _, answer, err := request(c, "GET", w.http+"/", "marker.example", "")
		return err == nil && answer == want
	}
	for i := range 12 {
		replica := i % 3
		w.slice(replica, false) // terminating: no new requests, those under way end
		w.put("marker.yaml", fmt.Sprintf(marker, i))
		effects = append(effects, w.await("a changed rule", func() bool { return marked(strconv.Itoa(i)) }))
		w.put("broken.yaml", "kind: Ingress\nmetadata: [this is: no YAML\n")
		w.slice(replica, true)
		if i%4 == 3 {
			w.remove("marker.yaml")
			effects = append(effects, w.await("a removed rule", func() bool { return !marked(strconv.Itoa(i)) }))
		}
		w.remove("broken.yaml")
	}
	requests, others := l.end()
	slices.Sort(effects)
	t.Logf("%d changes under %d requests: in effect after %v (median), %v (longest)", len(effects), requests,
		effects[len(effects)/2].Round(time.Millisecond), effects[len(effects)-1].Round(time.Millisecond))
	if len(others) > 0 {
		t.Errorf("of %d requests, these were not answered with 200: %v", requests, others)
	}
}

// TestReplicaReplaced stops a replica as Kubernetes does: its endpoint terminates, then it is told to end.
func TestReplicaReplaced(t *testing.T) {
	w := newWorld(t)
	l := startLoad(w)
	for i := range w.replicas {
		w.slice(i, false)
		w.await("the replica draining", func() bool { // or gone: the delay may be over before a slow machine looks
			targets := w.targets()
			return targets != nil && targets[w.ports[i]] != "healthy"
		})
		end(t, w.replicas[i])
		w.remove(fmt.Sprintf("slice-%d.yaml", i))
		w.ports[i] = freePort(t)
		w.startReplica(i)
		w.slice(i, true)
		w.await("the new replica healthy", func() bool { return w.states()["healthy"] == 3 })
	}
	if requests, others := l.end(); len(others) > 0 {
		t.Errorf("of %d requests, these were not answered with 200: %v", requests, others)
	}
}

// TestReplicaKilled kills a replica outright. A response that was cut off in flight may
// be a 502, or end short where its head had gone out already; nothing else may be lost. It is out of rotation after its failed checks, and
// back after it was started again.
func TestReplicaKilled(t *testing.T) {
	w := newWorld(t)
	l := startLoad(w)
	w.await("traffic on the replica", func() bool { return l.served("replica-1") > 100 })
	w.replicas[1].Process.Kill()
	w.replicas[1].Wait()
	out := w.await("the replica unhealthy", func() bool { return w.states()["unhealthy"] == 1 })
	w.startReplica(1)
	back := w.await("the replica healthy again", func() bool { return w.states()["healthy"] == 3 })
	l.forget()
	w.await("traffic on the replica again", func() bool { return l.served("replica-1") > 100 })
	requests, others := l.end()
	t.Logf("%d requests; unhealthy after %v, healthy again %v after the restart; cut off in flight: %v",
		requests, out.Round(time.Millisecond), back.Round(time.Millisecond), others)
	cut := 0
	for answer, n := range others {
		if !slices.Contains([]string{"GET 502", "POST 502", "GET unexpected EOF", "POST unexpected EOF"}, answer) {
			t.Errorf("%d answers %q", n, answer)
		}
		cut += n
	}
	if cut > clients {
		t.Errorf("%d requests were cut off; at most the %d in flight may be", cut, clients)
	}
}
