package main

import (
	"encoding/json"
	"fmt"
	"net/netip"

	"github.com/albatross-lb/albatross/lb"
)

type checkCommand struct {
	paths        `embed:""`
	Output       string      `short:"o" enum:"text,json" default:"text" help:"text or json."`
	PortMap      map[int]int `mapsep:"," placeholder:"80=8080,..." help:"The port map that run is given."`
	Admin        string      `placeholder:"ADDR" complete:"127.0.0.1:9901" help:"Show the health of targets as the albatross with this admin address knows it."`
	LoadBalancer string      `short:"l" placeholder:"NAME" help:"Show this load balancer only, by its name or group; problems are told of all."`
	Zone         string      `placeholder:"NAME" help:"The zone that run is given."`
	Quiet        bool        `short:"q" help:"Problems only."`
	Strict       bool        `help:"Exit with 1 on warnings, too."`
	Dev          *bool       `negatable:"" help:"Tell what run --dev would serve; --no-dev: what run would without it (default: certificates that are missing here are a warning)."`
	State        string      `default:"state" complete:"files" help:"The state folder that run is given."`
	Account      string      `default:"000000000000" help:"The account that run is given."`
	Region       string      `default:"us-east-1" help:"The region that run is given."`
	Width        int         `default:"-1" placeholder:"N" help:"Wrap lines at so many columns, 0: at none (default: the terminal's width; none into a pipe or file)."`
}

// Run prints what the manifests come to. Exit code 1 if anything was set aside, with --strict also on warnings.
// The JSON is the manifests' translation alone, unchecked values and all, so that it
// can be compared; the text also has what validation and the build of the runtime find.
func (c *checkCommand) Run(s *streams) error {
	source, update, err := c.load(s.in)
	if err != nil {
		return err
	}
	r := report{cfg: update.Config, read: source.ReadFile, quiet: c.Quiet, only: c.LoadBalancer, width: c.Width}
	if c.Width < 0 {
		r.width = terminalWidth(s.out)
	}
	if c.Output == "text" {
		problems, err := c.verdict(r.cfg)
		if err != nil {
			return err
		}
		r.cfg.SetAside = append(r.cfg.SetAside, problems...)
	}
	if c.Admin != "" {
		if r.health, err = askHealth(c.Admin); err != nil {
			return err
		}
	}
	code := check(s.out, s.err, c.Output, source.Objects(), update.Problems, r)
	if code == 0 && c.Strict && len(r.cfg.Warnings) > 0 {
		code = 1
	}
	if code != 0 {
		return exit(code)
	}
	return nil
}

// askHealth asks a running albatross for the states of all targets.
func askHealth(admin string) (states, error) {
	body, err := askAdmin(admin, "/target-health?all")
	if err != nil {
		return nil, err
	}
	type target struct {
		Target struct {
			ID   string `json:"Id"`
			Port uint16
		}
		TargetHealth struct {
			State  lb.HealthState
			Reason lb.HealthReason
		}
	}
	var all struct {
		TargetGroups []struct {
			TargetGroupKey           string
			TargetHealthDescriptions []target
		}
	}
	if err := json.Unmarshal(body, &all); err != nil {
		return nil, fmt.Errorf("reading the answer of the albatross at %s: %w", admin, err)
	}
	h := states{}
	for _, g := range all.TargetGroups {
		of := map[netip.AddrPort]string{}
		for _, t := range g.TargetHealthDescriptions {
			addr, err := netip.ParseAddr(t.Target.ID)
			if err != nil {
				continue
			}
			state := string(t.TargetHealth.State)
			if t.TargetHealth.Reason != "" {
				state += " (" + string(t.TargetHealth.Reason) + ")"
			}
			of[netip.AddrPortFrom(addr, t.Target.Port)] = state
		}
		h[g.TargetGroupKey] = of
	}
	return h, nil
}
