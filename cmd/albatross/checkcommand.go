package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"slices"

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
	Transparent  bool        `help:"As run is given it."`
	ACMEName     string      `name:"acme-directory" placeholder:"NAME|URL" complete:"letsencrypt,letsencrypt-staging" help:"The directory that run is given: what it would order counts as there. Nobody is asked."`
	Width        int         `default:"-1" placeholder:"N" help:"Wrap lines at so many columns, 0: at none (default: the terminal's width; none into a pipe or file)."`
}

// Run prints what the manifests come to. Exit code 1 if anything was set aside, with --strict also on warnings.
func (c *checkCommand) Run(s *streams) error {
	found, err := c.check(s.in)
	if err != nil {
		return err
	}
	if c.Width < 0 {
		found.width = terminalWidth(s.out)
	}
	if c.Admin != "" {
		if found.health, err = askHealth(c.Admin); err != nil {
			return err
		}
	}
	if err := found.print(s.out, c.Output); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	if found.fails(c.Strict) {
		return exit(1)
	}
	return nil
}

// check does with the manifests what run does before it opens ports.
func (c *checkCommand) check(stdin io.Reader) (*checked, error) {
	source, update, err := c.load(stdin)
	if err != nil {
		return nil, err
	}
	cfg := lb.Merge(lb.Part{Origin: update.Origin, Config: update.Config})
	lb.Validate(cfg)
	all := slices.Clone(cfg.LoadBalancers)
	problems, err := c.verdict(cfg)
	if err != nil {
		return nil, err
	}
	return &checked{objects: len(source.Objects()), translated: update.Config, unread: update.Problems, report: report{
		cfg: cfg, balancers: all, setAside: lb.Distinct(update.Problems, cfg.SetAside, problems),
		read: source.ReadFile, quiet: c.Quiet, only: c.LoadBalancer, width: c.Width}}, nil
}

// Validate refuses what flags cannot mean. It is called when they have been read.
func (c *checkCommand) Validate() error { return validPorts(c.PortMap) }

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
