package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/albatross-lb/albatross/internal/manifest"
	"github.com/albatross-lb/albatross/lb"
)

// reader gives the content of a file by the name that problems have it by.
type reader func(file string) ([]byte, error)

// locate gives problems with the lines of their fields.
func (r reader) locate(problems []lb.Problem) []lb.Problem { return manifest.Locate(problems, r) }

// inOrder gives problems with the lines of their fields, each once: object by object, in
// the order of files and lines. firsts are the origins of their objects, with the first
// line that is known of each.
func (r reader) inOrder(problems []lb.Problem) (located []lb.Problem, firsts []lb.Origin) {
	type placed struct {
		lb.Problem
		first lb.Origin
	}
	firstOf := map[lb.Origin]lb.Origin{}
	for _, p := range problems {
		key := p.Origin.Identity()
		if first, known := firstOf[key]; !known || p.Origin.Line < first.Line {
			firstOf[key] = p.Origin
		}
	}
	all := make([]placed, len(problems))
	for i, p := range r.locate(problems) {
		all[i] = placed{p, firstOf[problems[i].Origin.Identity()]}
	}
	slices.SortFunc(all, func(x, y placed) int {
		return cmp.Or(cmp.Compare(x.Origin.File, y.Origin.File), cmp.Compare(x.first.Line, y.first.Line), cmp.Compare(x.Origin.Object(), y.Origin.Object()),
			cmp.Compare(x.Origin.Line, y.Origin.Line), cmp.Compare(x.Field, y.Field), cmp.Compare(x.Text, y.Text))
	})
	for _, p := range slices.Compact(all) {
		located, firsts = append(located, p.Problem), append(firsts, p.first)
	}
	return located, firsts
}

// printProblems writes each problem on a line of its own, in a stable order.
func printProblems(w io.Writer, word string, problems []lb.Problem, read reader) {
	located, _ := read.inOrder(problems)
	for _, p := range located {
		fmt.Fprintf(w, "%s: %s\n", word, lb.OneLine(p.String()))
	}
}

// problems writes a list of them: for other programs each on a line of its own, where a
// width is given under the object that it is about.
func (r *report) problems(title string, problems []lb.Problem) {
	if len(problems) == 0 {
		return
	}
	r.line(0, title)
	located, firsts := r.read.inOrder(problems)
	before := ""
	for i, p := range located {
		switch place := firsts[i].String(); {
		case r.width == 0 || place == "":
			r.line(2, p.String())
			continue
		case place != before:
			before = place
			r.line(2, place)
		}
		r.line(4, underObject(p, firsts[i].Line))
	}
	r.text.WriteString("\n")
}

// underObject is a problem where its object has been named already, with the line it begins in.
func underObject(p lb.Problem, line int) string {
	text := p.Text
	if p.Field != "" {
		field := p.Field
		if annotation, ok := strings.CutPrefix(field, "metadata.annotations["); ok {
			field = strings.TrimSuffix(annotation, "]")
		}
		text = field + ": " + text
	}
	if p.Origin.Line != line {
		text = fmt.Sprintf("line %d, %s", p.Origin.Line, text)
	}
	return text
}
