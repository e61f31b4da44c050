package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/albatross-lb/albatross/internal/manifest"
	"github.com/albatross-lb/albatross/lb"
)

// check prints what manifests come to: what every listener, rule and target group
// will do, what is worth a word, and what is set aside and why. output is text or
// json. It returns the exit code: 1 if anything was set aside or could not be read.
func check(stdout, stderr io.Writer, output string, objects []manifest.Object, parseProblems []lb.Problem, r report) int {
	r.setAside = slices.Clone(parseProblems)
	for _, p := range r.cfg.SetAside {
		if !slices.Contains(r.setAside, p) {
			r.setAside = append(r.setAside, p)
		}
	}
	var err error
	if output == "json" {
		err = checkJSON(stdout, r.cfg, r.setAside)
	} else {
		r.write(len(objects))
		_, err = io.WriteString(stdout, r.text.String())
	}
	if err != nil {
		fmt.Fprintf(stderr, "albatross: writing the result: %v\n", err)
		return 1
	}
	if len(r.setAside) > 0 {
		return 1
	}
	return 0
}

// checkJSON writes the normalised form that compatibility is compared in. An error
// stands under the object's namespace/name, or under the place it was read from.
func checkJSON(w io.Writer, cfg *lb.Config, setAside []lb.Problem) error {
	made := *cfg // a group that exists already is named by its ARN, and not made
	made.TargetGroups = maps.Clone(cfg.TargetGroups)
	maps.DeleteFunc(made.TargetGroups, func(_ string, g *lb.TargetGroup) bool { return g.ARNGiven != "" })
	result := struct {
		*lb.Config
		Errors map[string]string `json:"errors,omitempty"`
	}{&made, map[string]string{}}
	for _, p := range setAside {
		key := cmp.Or(strings.TrimPrefix(p.Origin.Namespace+"/"+p.Origin.Name, "/"), p.Origin.String())
		if p.Origin.Name == "" {
			key = p.Origin.String()
		}
		text := p.Text
		if p.Field != "" {
			text = p.Field + ": " + text
		}
		if before := result.Errors[key]; before != "" {
			text = before + "; " + text
		}
		result.Errors[key] = text
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(result)
}
