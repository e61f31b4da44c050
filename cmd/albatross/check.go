package main

import (
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/albatross-lb/albatross/lb"
)

// checked is what a check has found.
type checked struct {
	objects    int        // that were read
	translated *lb.Config // of the manifests as they are written, neither validated nor built
	unread     []lb.Problem
	// report has what is served of them, and in setAside all that is not.
	report
}

// write prints it: what every listener, rule and target group will do, what is worth a word,
// and what is set aside and why. output is text or json.
func (c *checked) print(w io.Writer, output string) error {
	if output == "json" {
		return c.json(w)
	}
	c.report.write(c.objects)
	_, err := io.WriteString(w, c.text.String())
	return err
}

// fails tells whether something was set aside or could not be read; with strict, also whether
// there is a warning.
func (c *checked) fails(strict bool) bool {
	return len(c.setAside) > 0 || strict && len(c.cfg.Warnings) > 0
}

// json writes the normalised form that compatibility is compared in: what the manifests are
// translated to, before validation and whatever else decides whether it is served. An error stands
// under the object's namespace/name, or under the place it was read from; what is not served
// for another reason is in notServed.
func (c *checked) json(w io.Writer) error {
	made := *c.translated // a group that exists already is named by its ARN, and not made
	made.TargetGroups = maps.Clone(made.TargetGroups)
	maps.DeleteFunc(made.TargetGroups, func(_ string, g *lb.TargetGroup) bool { return g.ARNGiven != "" })
	wrong := lb.Distinct(c.unread, made.SetAside)
	result := struct {
		*lb.Config
		Errors    map[string]string `json:"errors,omitempty"`
		NotServed []lb.Problem      `json:"notServed,omitempty"`
		Warnings  []lb.Problem      `json:"warnings,omitempty"`
	}{&made, errorsByObject(wrong), nil, c.read.locate(c.cfg.Warnings)}
	others := slices.DeleteFunc(slices.Clone(c.setAside), func(p lb.Problem) bool { return slices.Contains(wrong, p) })
	result.NotServed = c.read.locate(others)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(result)
}

// errorsByObject joins the problems of each object.
func errorsByObject(problems []lb.Problem) map[string]string {
	errors := map[string]string{}
	for _, p := range problems {
		key := cmp.Or(strings.TrimPrefix(p.Origin.Namespace+"/"+p.Origin.Name, "/"), p.Origin.String())
		if p.Origin.Name == "" {
			key = p.Origin.String()
		}
		text := p.Text
		if p.Field != "" {
			text = p.Field + ": " + text
		}
		if before := errors[key]; before != "" {
			text = before + "; " + text
		}
		errors[key] = text
	}
	return errors
}
