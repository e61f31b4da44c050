package main

type checkCommand struct {
	paths   `embed:""`
	Output  string      `short:"o" enum:"text,json" default:"text" help:"text or json."`
	PortMap map[int]int `mapsep:"," placeholder:"80=8080,..." help:"The port map that run is given."`
	Zone    string      `placeholder:"NAME" help:"The zone that run is given."`
}

// Run prints what the manifests come to. Exit code 1 if anything was set aside.
// The JSON is the manifests' translation alone, unchecked values and all, so that it
// can be compared; the text also has what validation and the build of the runtime find.
func (c *checkCommand) Run(s *streams) error {
	source, update, err := c.load()
	if err != nil {
		return err
	}
	cfg := update.Config
	if c.Output == "text" {
		_, problems, err := inspect(cfg, c.PortMap, c.Zone)
		if err != nil {
			return err
		}
		cfg.SetAside = append(cfg.SetAside, problems...)
	}
	if code := check(s.out, s.err, c.Output, source.Objects(), update.Problems, cfg); code != 0 {
		return exit(code)
	}
	return nil
}
