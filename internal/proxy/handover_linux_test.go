package proxy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// scene is one session, and what is on both sides of it.
type scene struct {
	t        *testing.T
	b        *balancer
	c        *client
	s        *Session
	accepted chan net.Conn // that the target has
	target   net.Conn
}

const (
	answerHead = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
	answerBody = "0123456789"
)

// locked does something as the loop would.
func (s *scene) locked(do func()) {
	s.s.turn.lane.Lock()
	defer s.s.turn.lane.Unlock()
	do()
}

// reaches waits until the session waits for this.
func (s *scene) reaches(p phase) {
	s.t.Helper()
	await(s.t, fmt.Sprintf("phase %d", p), func() (there bool) {
		s.locked(func() { there = s.s.looped() && s.s.turn.phase == p })
		return there
	})
}

// asked waits for the request at the target.
func (s *scene) asked() {
	s.t.Helper()
	s.target = <-s.accepted
	if _, err := http.ReadRequest(bufio.NewReader(s.target)); err != nil {
		s.t.Error(err)
	}
}

// stages have the session wait for something, and then get it.
var stages = map[string]struct{ begin, finish func(*scene) }{
	"resting": {
		func(s *scene) { s.reaches(resting) },
		func(s *scene) {},
	},
	"head": {
		func(s *scene) { s.c.send("GET / HTT"); s.reaches(reading) },
		func(s *scene) { s.c.send("P/1.1\nHost: x\n\n"); s.answers() },
	},
	"body": {
		func(s *scene) { s.c.send("POST / HTTP/1.1\nHost: x\nContent-Length: 5\n\nhel"); s.reaches(reading) },
		func(s *scene) { s.c.send("lo"); s.answers() },
	},
	"asking": {
		func(s *scene) { s.c.send("GET / HTTP/1.1\nHost: x\n\n"); s.asked(); s.reaches(asking) },
		func(s *scene) { io.WriteString(s.target, answerHead+answerBody) },
	},
	"streaming": {
		func(s *scene) {
			s.c.send("GET / HTTP/1.1\nHost: x\n\n")
			s.asked()
			io.WriteString(s.target, answerHead+answerBody[:3])
			s.reaches(streaming)
		},
		func(s *scene) { io.WriteString(s.target, answerBody[3:]) },
	},
	"lingering": {
		func(s *scene) {
			s.c.send("GET / HTTP/1.1\nHost: x\n\n")
			s.asked()
			io.WriteString(s.target, "HTTP/1.1 200 OK\r\n\r\n"+answerBody)
			s.target.Close()
			s.reaches(lingering)
		},
		func(s *scene) {},
	},
}

func (s *scene) answers() {
	s.asked()
	io.WriteString(s.target, answerHead+answerBody)
}

// happenings are what comes about meanwhile.
var happenings = map[string]func(*scene){
	"client closes": func(s *scene) { s.c.Close() },
	"client resets": func(s *scene) { s.c.SetLinger(0); s.c.Close() },
	"target closes": func(s *scene) { s.target.Close() },
	"target resets": func(s *scene) { s.target.(*net.TCPConn).SetLinger(0); s.target.Close() },
	"close idle":    func(s *scene) { s.s.CloseIdle() },
	"abort":         func(s *scene) { s.s.Abort() },
	"tick":          func(s *scene) { s.locked(func() { s.s.overdue(time.Now().Add(time.Hour)) }) },
}

// sees is what the client has got in the end.
func (s *scene) sees() string {
	all, err := io.ReadAll(s.c.in)
	head, body, _ := strings.Cut(string(all), "\r\n\r\n")
	seen := ""
	if len(head) > 0 {
		seen = strings.Fields(head)[1] + " " + strings.SplitN(body, "\r", 2)[0]
	}
	if strings.Contains(head, "Connection: close") {
		seen += " close"
	}
	switch {
	case errors.Is(err, syscall.ECONNRESET):
		seen += " reset"
	case err != nil && !errors.Is(err, net.ErrClosed):
		s.t.Error(err)
	}
	return strings.TrimSpace(seen)
}

// logged is what the log says of it: the status that the client was to see, that of the target, and the reason.
func (s *scene) logged() string {
	log := s.b.log()
	if log == "" {
		return ""
	}
	fields := strings.Fields(log)
	quoted := strings.Split(log, `"`)
	reason := ""
	for _, word := range quoted {
		if strings.HasPrefix(word, "Target") || strings.HasPrefix(word, "Client") {
			reason = " " + word
		}
	}
	return fields[8] + " " + fields[9] + reason
}

// outcomes are what the client sees in the end, and what the log says.
var outcomes = map[string][2]string{
	"asking/abort":            {"", "460 - ClientClosed"},
	"asking/client resets":    {"", "460 - ClientClosed"},
	"asking/close idle":       {"200 0123456789 close", "200 200"},
	"asking/target closes":    {"502 <html>", "502 - TargetClosed"},
	"asking/target resets":    {"502 <html>", "502 - TargetReset"},
	"asking/tick":             {"200 0123456789", "200 200"},
	"body/abort":              {"", "400 - ClientClosedInBody"},
	"body/client closes":      {"", "400 - ClientClosedInBody"},
	"body/client resets":      {"", "400 - ClientClosedInBody"},
	"body/close idle":         {"200 0123456789 close", "200 200"},
	"body/tick":               {"200 0123456789", "200 200"},
	"head/abort":              {"", ""},
	"head/client closes":      {"", ""},
	"head/client resets":      {"", ""},
	"head/close idle":         {"200 0123456789 close", "200 200"},
	"head/tick":               {"200 0123456789", "200 200"},
	"lingering/abort":         {"200 0123456789 close", "200 200"},
	"lingering/client closes": {"", "200 200"},
	"lingering/client resets": {"", "200 200"},
	"lingering/close idle":    {"200 0123456789 close", "200 200"},
	"lingering/tick":          {"200 0123456789 close", "200 200"},
	"resting/abort":           {"", ""},
	"resting/client closes":   {"", ""},
	"resting/client resets":   {"", ""},
	"resting/close idle":      {"", ""},
	"resting/tick":            {"", ""},
	"streaming/abort":         {"200 012", "200 200 ClientClosed"},
	"streaming/client closes": {"", "200 200 ClientClosed"},
	"streaming/close idle":    {"200 0123456789", "200 200"},
	"streaming/target closes": {"200 012", "200 200 TargetResponseIncomplete"},
	"streaming/target resets": {"200 012", "200 200 TargetResponseIncomplete"},
	"streaming/tick":          {"200 0123456789", "200 200"},
}

// Whatever comes about while a session in an event loop waits for something, client and log are told what a
// session in a goroutine would tell them.
func TestHandOver(t *testing.T) {
	for name, want := range outcomes {
		stage, happening, _ := strings.Cut(name, "/")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &scene{t: t, accepted: make(chan net.Conn, 1)}
			ended := make(chan struct{})
			defer close(ended)
			s.b = newBalancer(t, config(raw(t, func(c net.Conn) { s.accepted <- c; <-ended })))
			s.c = s.b.dial()
			s.s = s.b.looped()
			stages[stage].begin(s)
			happenings[happening](s)
			if happening == "close idle" || happening == "tick" {
				stages[stage].finish(s)
			}
			if strings.HasPrefix(happening, "target") || happening == "tick" && stage != "resting" && stage != "lingering" {
				s.c.CloseWrite() // the connection goes on else
			}
			sees := s.sees()
			if got := [2]string{sees, s.logged()}; got != want {
				t.Errorf("the client sees %q and the log says %q, want %q", got[0], got[1], want)
			}
		})
	}
}

// connectingTo has a session wait for its target's connection, with its loop locked, and then does something.
func connectingTo(t *testing.T, target string, then func(*Session)) (*balancer, *client) {
	b := newBalancer(t, config(target))
	c := b.dial()
	s := b.looped()
	s.turn.lane.Lock()
	defer s.turn.lane.Unlock()
	c.send("GET /path HTTP/1.1\nHost: x\n\n")
	s.told(t)
	if s.turn.phase != connecting {
		t.Fatalf("phase %d", s.turn.phase)
	}
	then(s)
	return b, c
}

func TestHandOverWhileConnecting(t *testing.T) {
	for name, then := range map[string]func(*Session){
		"tick":             func(s *Session) { s.overdue(time.Now().Add(time.Hour)) },
		"client half gone": func(s *Session) { s.Event(nil, nil, syscall.EPOLLIN|syscall.EPOLLRDHUP) },
	} {
		t.Run(name, func(t *testing.T) {
			_, c := connectingTo(t, serve(t, path), func(s *Session) {
				if then(s); s.looped() {
					t.Error("a loop has it still")
				}
			})
			if r, body := c.response("GET"); r.StatusCode != 200 || body != "/path" {
				t.Errorf("got %d %q", r.StatusCode, body)
			}
		})
	}
	b, c := connectingTo(t, serve(t, path), func(s *Session) { s.Answer(syscall.EPOLLERR | syscall.EPOLLHUP) })
	if r, _ := c.response("GET"); r.StatusCode != 502 {
		t.Errorf("got %d", r.StatusCode)
	}
	if log := b.log(); !strings.Contains(log, "TargetConnect") {
		t.Errorf("log: %s", log)
	}
	var open sync.WaitGroup
	open.Add(1)
	_, c = connectingTo(t, raw(t, func(c net.Conn) { // Abort, at whatever point it finds the session
		defer open.Done()
		io.Copy(io.Discard, c)
	}), func(s *Session) { go s.Abort() })
	c.closed()
	open.Wait()
}
