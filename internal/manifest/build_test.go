package manifest

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/albatross-lb/albatross/lb"
)

var update = flag.Bool("update", false, "write what the tests get as what they want")

// TestBuild reads testdata/*.txtar: manifests, then under `-- want --` what comes
// of them. Files of the archive are read in their order.
func TestBuild(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.txtar")
	if len(files) == 0 {
		t.Fatal("no cases in testdata")
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var objects []Object
			var problems []lb.Problem
			want := -1
			for i, f := range archive.Files {
				if f.Name == "want" {
					want = i
					continue
				}
				o, p := Parse(f.Name, f.Data)
				objects, problems = append(objects, o...), append(problems, p...)
			}
			got := describe(Build(objects, Options{ClusterName: "test", LocalTargets: true}), problems)
			if *update {
				if want < 0 {
					archive.Files = append(archive.Files, txtar.File{Name: "want"})
					want = len(archive.Files) - 1
				}
				archive.Files[want].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want < 0 || string(archive.Files[want].Data) != got {
				t.Errorf("got\n%s", got)
			}
		})
	}
}

// describe is a Config in lines, everything that matters in it.
func describe(cfg *lb.Config, problems []lb.Problem) string {
	var s strings.Builder
	for _, b := range cfg.LoadBalancers {
		fmt.Fprintf(&s, "%s %s: %s %s %s %v\n", b.Type, b.Key, b.Name, b.Scheme, b.IPAddressType, b.Attributes)
		for _, c := range b.InboundCIDRs {
			fmt.Fprintf(&s, "  from %d %s%s\n", c.Port, c.CIDR, c.PrefixList)
		}
		for _, l := range b.Listeners {
			fmt.Fprintf(&s, "  %s:%d %s %v %v\n", l.Protocol, l.Port, l.SSLPolicy, l.Certificates, l.Attributes)
			for _, r := range l.Rules {
				fmt.Fprintf(&s, "    %d %v -> %v (%s %s)\n", r.Priority, r.Conditions, r.Actions, r.Origin.Name, r.Field)
			}
			fmt.Fprintf(&s, "    default -> %v\n", l.DefaultActions)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(cfg.TargetGroups)) {
		g := cfg.TargetGroups[key]
		fmt.Fprintf(&s, "group %s: %s %s %d %s %s %s %v\n", key, g.Name, g.TargetType, g.Port, g.Protocol, g.ProtocolVersion, g.IPAddressType, g.Attributes)
		if h := g.HealthCheck; h != nil {
			fmt.Fprintf(&s, "  check %s %s port %s every %d timeout %d up %d down %d", h.Protocol, h.Path, h.Port, h.IntervalSeconds, h.TimeoutSeconds, h.HealthyThreshold, h.UnhealthyThreshold)
			if h.Matcher != nil {
				fmt.Fprintf(&s, " codes %s%s", h.Matcher.HTTPCode, h.Matcher.GRPCCode)
			}
			s.WriteString("\n")
		}
		for _, target := range g.Targets {
			line := strings.TrimSpace(fmt.Sprintf("%s %s %s", target.Addr, target.Zone, target.Name))
			if target.Draining {
				line += " draining"
			}
			fmt.Fprintf(&s, "  %s\n", line)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(cfg.Certificates)) {
		fmt.Fprintf(&s, "certificate %s (%s)\n", key, cfg.Certificates[key].Origin)
	}
	for _, key := range slices.Sorted(maps.Keys(cfg.ACME)) {
		ask := cfg.ACME[key]
		fmt.Fprintf(&s, "order %s: %v %s (%s %s)\n", key, ask.Hosts, ask.Directory, ask.Origin, ask.Field)
	}
	for _, key := range slices.Sorted(maps.Keys(cfg.Discover)) {
		ask := cfg.Discover[key]
		fmt.Fprintf(&s, "find %s: %v (%s %s)\n", key, ask.Hosts, ask.Origin, ask.Field)
	}
	if len(cfg.Ignored) > 0 {
		fmt.Fprintf(&s, "ignored %v\n", cfg.Ignored)
	}
	for _, list := range []struct {
		word     string
		problems []lb.Problem
	}{{"unread", problems}, {"aside", cfg.SetAside}, {"warning", cfg.Warnings}, {"note", cfg.Notes}} {
		for _, p := range list.problems {
			fmt.Fprintf(&s, "%s %s\n", list.word, p)
		}
	}
	return s.String()
}
