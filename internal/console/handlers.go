package console

import (
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"

	"github.com/albatross-lb/albatross/internal/control"
	"github.com/albatross-lb/albatross/lb"
)

// report is the latest, never nil.
func (c *Console) report() *control.Report {
	if r := c.options.Report(); r != nil {
		return r
	}
	return &control.Report{}
}

func (c *Console) root(w http.ResponseWriter, _ *http.Request) {
	var text strings.Builder
	text.WriteString("Albatross admin API. Everything is read-only: GET and HEAD.\n\n")
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for i := 0; i < len(c.index); i += 2 {
		fmt.Fprintf(table, "%s\t%s\n", c.index[i], c.index[i+1])
	}
	table.Flush()
	writeText(w, http.StatusOK, text.String())
}

func (c *Console) unknown(w http.ResponseWriter, r *http.Request) {
	fail(w, http.StatusNotFound, "NotFound", "there is no "+quote(r.URL.Path)+" here; GET / lists what there is")
}

func (c *Console) healthz(w http.ResponseWriter, _ *http.Request) {
	writeText(w, http.StatusOK, "ok\n")
}

// readyz stays ready when a newer configuration could not be applied: the one before
// it is served.
func (c *Console) readyz(w http.ResponseWriter, _ *http.Request) {
	switch r := c.report(); {
	case c.options.Stopping != nil && c.options.Stopping():
		writeText(w, http.StatusServiceUnavailable, "not ready: stopping\n")
	case r.Ready():
		writeText(w, http.StatusOK, fmt.Sprintf("ready: generation %d\n", r.Generation))
	default:
		writeText(w, http.StatusServiceUnavailable, "not ready: no configuration is served yet\n")
	}
}

// nodeHealth answers what AWS's DNS failover asks of a node.
func (c *Console) nodeHealth(w http.ResponseWriter, _ *http.Request) {
	if below := c.options.NodeHealth(); len(below) > 0 {
		text := "unhealthy\n"
		for _, line := range below {
			text += lb.OneLine(line) + "\n"
		}
		writeText(w, http.StatusServiceUnavailable, text)
		return
	}
	writeText(w, http.StatusOK, "healthy\n")
}

func (c *Console) version(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, c.options.Version)
}

// problem is an lb.Problem laid flat.
type problem struct {
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Object string `json:"object,omitempty"`
	Field  string `json:"field,omitempty"`
	Text   string `json:"text"`
}

func (c *Console) problems(list []lb.Problem) []problem {
	if c.options.Locate != nil {
		list = c.options.Locate(list)
	}
	out := make([]problem, len(list))
	for i, p := range list {
		out[i] = problem{p.Origin.File, p.Origin.Line, p.Origin.Object(), p.Field, p.Text}
	}
	return out
}

func (c *Console) setAside(w http.ResponseWriter, _ *http.Request) {
	r := c.report()
	writeJSON(w, http.StatusOK, struct {
		Generation uint64    `json:"generation"`
		Failure    string    `json:"failure,omitempty"`
		Unread     []problem `json:"unread"`
		SetAside   []problem `json:"setAside"`
		Warnings   []problem `json:"warnings"`
		Notes      []problem `json:"notes"`
	}{r.Generation, r.Failure, c.problems(r.Unread), c.problems(r.SetAside), c.problems(r.Warnings), c.problems(r.Notes)})
}

// maxExplainHeaders bounds the headers of a question.
const maxExplainHeaders = 100

func (c *Console) explain(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	q := Question{Method: query.Get("method"), URL: query.Get("url"), From: query.Get("from"), Header: http.Header{}}
	if q.Method == "" {
		q.Method = http.MethodGet
	}
	if q.URL == "" {
		fail(w, http.StatusBadRequest, "ValidationError", "there is no url; ask /explain?url=http://host/path")
		return
	}
	headers := query["header"]
	if len(headers) > maxExplainHeaders {
		fail(w, http.StatusBadRequest, "ValidationError", fmt.Sprintf("there are %d headers; ask with at most %d", len(headers), maxExplainHeaders))
		return
	}
	for _, h := range headers {
		name, value, found := strings.Cut(h, ":")
		if name = strings.TrimSpace(name); !found || name == "" {
			fail(w, http.StatusBadRequest, "ValidationError", "header "+quote(h)+" has no name; write Name: value")
			return
		}
		q.Header.Add(name, strings.TrimSpace(value))
	}
	answer, err := c.options.Explain(r.Context(), q)
	if err != nil {
		fail(w, http.StatusBadRequest, "ValidationError", err.Error())
		return
	}
	writeJSON(w, http.StatusOK, answer)
}
