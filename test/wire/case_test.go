package wire

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// scenario is one case of testdata.
type scenario struct {
	name, file string
	settings   settings
	skip       string
	hasty      bool
	actors     []*script
	logs       []string
	unlogged   bool
	metrics    [][2]string
}

// settings are what a case's load balancer is like.
type settings struct {
	attributes, groupAttributes string
	annotations                 []string
	version                     string
	targets                     string // "" for one that is there, none, refusing, full
	https                       bool
}

// script is what one client or target does.
type script struct {
	name   string
	target bool
	steps  []step
}

type step struct {
	line      int
	verb, arg string
}

// loadScenarios reads every case under testdata.
func loadScenarios() ([]*scenario, error) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		return nil, err
	}
	var all []*scenario
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		some, err := parseScenarios(filepath.Base(file), string(text))
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

func parseScenarios(file, text string) ([]*scenario, error) {
	var all []*scenario
	var s *scenario
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimLeft(line, " \t")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if name, ok := strings.CutPrefix(line, "=== "); ok {
			s = &scenario{name: strings.TrimSpace(name), file: file}
			all = append(all, s)
			continue
		}
		if s == nil {
			return nil, fmt.Errorf("%s:%d: nothing may stand before the first case", file, i+1)
		}
		if err := s.add(i+1, line); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, i+1, err)
		}
	}
	for _, s := range all {
		if s.unlogged == (len(s.logs) > 0) {
			return nil, fmt.Errorf("%s: %s: say what is logged, or unlogged", file, s.name)
		}
	}
	return all, nil
}

// add takes one line of a case.
func (s *scenario) add(number int, line string) error {
	verb, arg, _ := strings.Cut(line, " ")
	switch verb {
	case "attributes":
		s.settings.attributes = arg
	case "group-attributes":
		s.settings.groupAttributes = arg
	case "annotation":
		s.settings.annotations = append(s.settings.annotations, arg)
	case "version":
		s.settings.version = arg
	case "targets":
		s.settings.targets = arg
	case "https":
		s.settings.https = true
	case "skip":
		s.skip = arg
	case "hasty":
		s.hasty = true
	case "client", "target":
		s.actors = append(s.actors, &script{name: line, target: verb == "target"})
	case "log":
		s.logs = append(s.logs, arg)
	case "unlogged":
		s.unlogged = true
	case "metric":
		name, value, _ := strings.Cut(arg, " ")
		s.metrics = append(s.metrics, [2]string{name, value})
	default:
		if len(s.actors) == 0 || verbs[verb] == nil {
			return fmt.Errorf("%q is no line of a case here", line)
		}
		a := s.actors[len(s.actors)-1]
		a.steps = append(a.steps, step{number, verb, arg})
	}
	return nil
}

// sends are the verbs whose bytes go out in one write with their neighbours'.
var sends = []string{">", ">|", ">*"}

func (s step) sends() bool { return slices.Contains(sends, s.verb) }
