package lb

import (
	"fmt"
	"slices"
)

// Summary counts in one line what a Config comes to: the load balancers that are served, their
// rules and target groups, the objects set aside and the warnings. objects is how many were
// read; 0: not known. What was set aside is counted once, however often it is listed.
func (c *Config) Summary(objects int, setAside ...[]Problem) string {
	all := Distinct(setAside...)
	counted, reasons := "", ""
	if objects > 0 {
		counted = plural(objects, "object") + ": "
	}
	aside := Objects(all)
	if n := len(all); n > aside {
		reasons = " for " + plural(n, "reason")
	}
	return fmt.Sprintf("%s%s, %s, %s, %d set aside%s, %s", counted, plural(len(c.LoadBalancers), "load balancer"), plural(c.rules(), "rule"),
		plural(len(c.TargetGroups), "target group"), aside, reasons, plural(len(c.Warnings), "warning"))
}

// Distinct are the problems of several lists, each once.
func Distinct(lists ...[]Problem) []Problem {
	seen, kept := map[Problem]bool{}, []Problem(nil)
	for _, p := range slices.Concat(lists...) {
		if !seen[p] {
			seen[p] = true
			kept = append(kept, p)
		}
	}
	return kept
}

func (c *Config) rules() (n int) {
	for _, b := range c.LoadBalancers {
		for _, l := range b.Listeners {
			n += len(l.Rules)
		}
	}
	return n
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
