package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/albatross-lb/albatross/internal/explain"
	"github.com/albatross-lb/albatross/lb"
)

type explainCommand struct {
	Method  string      `short:"X" default:"GET" complete:"GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS" help:"The request's method."`
	Header  []string    `short:"H" sep:"none" placeholder:"'NAME: VALUE'" help:"A header of the request; may be repeated."`
	From    string      `placeholder:"IP" help:"The client's address (default 127.0.0.1)."`
	Admin   string      `placeholder:"ADDR" complete:"127.0.0.1:9901" help:"Ask a running albatross at its admin address instead of reading manifests."`
	Output  string      `short:"o" enum:"text,json" default:"text" help:"text or json."`
	PortMap map[int]int `mapsep:"," placeholder:"80=8080,..." help:"The port map that run was given."`
	Zone    string      `placeholder:"NAME" help:"The zone that run was given."`
	Render  bool        `help:"Read what helm template and kubectl kustomize make of charts and kustomizations."`
	URL     string      `arg:"" help:"The URL asked for."`
	Paths   []string    `arg:"" optional:"" name:"path" complete:"files" help:"Files and folders of manifests; - is standard input."`
}

// Run explains one request, by the manifests or by what a running albatross serves.
func (c *explainCommand) Run(s *streams) error {
	request := explain.Request{Method: c.Method, URL: c.URL, Headers: c.Header, From: c.From}
	answer, err := c.ask(request, s)
	if err != nil {
		return err
	}
	if c.Output == "json" {
		out := json.NewEncoder(s.out)
		out.SetIndent("", "  ")
		return out.Encode(answer)
	}
	fmt.Fprint(s.out, answer)
	return nil
}

func (c *explainCommand) ask(r explain.Request, s *streams) (*explain.Answer, error) {
	switch {
	case c.Admin != "" && len(c.Paths) > 0:
		return nil, errors.New("give either --admin or paths of manifests, not both")
	case c.Admin != "":
		return askRunning(c.Admin, r)
	case len(c.Paths) == 0:
		return nil, errors.New("name the manifests to explain, or --admin ADDR of a running albatross")
	}
	p := paths{Render: c.Render, Paths: c.Paths}
	source, update, err := p.load(s.in)
	if err != nil {
		return nil, err
	}
	printProblems(s.err, "unread", update.Problems, source.ReadFile)
	lb.Validate(update.Config)
	snap, problems, err := inspect(update.Config, inspection{ports: c.PortMap, zone: c.Zone})
	if err != nil {
		return nil, err
	}
	printProblems(s.err, "set aside", append(update.Config.SetAside, problems...), source.ReadFile)
	return explain.Explain(snap, r)
}

// maxAnswer bounds what is read of an admin API's answer.
const maxAnswer = 16 << 20

// askAdmin asks the admin API of a running albatross one thing.
func askAdmin(admin, question string) ([]byte, error) {
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Get("http://" + admin + question)
	if err != nil {
		return nil, fmt.Errorf("asking the albatross at %s: %w; see --admin", admin, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("asking the albatross at %s: %w", admin, err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the albatross at %s says: %s", admin, reason(body))
	}
	return body, nil
}

// reason takes the message out of an error of the admin API.
func reason(body []byte) string {
	var failure struct{ Error struct{ Message string } }
	if err := json.Unmarshal(body, &failure); err != nil || failure.Error.Message == "" {
		return strings.TrimSpace(string(body))
	}
	return failure.Error.Message
}

// askRunning asks a running albatross what becomes of a request.
func askRunning(admin string, r explain.Request) (*explain.Answer, error) {
	query := url.Values{"url": {r.URL}, "method": {r.Method}, "header": r.Headers}
	if r.From != "" {
		query.Set("from", r.From)
	}
	body, err := askAdmin(admin, "/explain?"+query.Encode())
	if err != nil {
		return nil, err
	}
	answer := new(explain.Answer)
	if err := json.Unmarshal(body, answer); err != nil {
		return nil, fmt.Errorf("reading the answer of the albatross at %s: %w", admin, err)
	}
	return answer, nil
}
