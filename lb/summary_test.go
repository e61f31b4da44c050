package lb

import "testing"

// TestSummary: what was set aside counts by its objects, each reason once however many lists have it.
func TestSummary(t *testing.T) {
	web, api := Origin{File: "m.yaml", Line: 1, Kind: "Ingress", Name: "web"}, Origin{File: "m.yaml", Line: 9, Kind: "Ingress", Name: "api"}
	one := []Problem{{Origin: web, Text: "a"}, {Origin: web, Text: "b"}}
	two := []Problem{{Origin: web, Text: "a"}, {Origin: api, Text: "a"}}
	served := &Config{
		LoadBalancers: []*LoadBalancer{{Listeners: []*Listener{{Rules: []*Rule{{}, {}}}, {}}}},
		TargetGroups:  map[string]*TargetGroup{"a": {}, "b": {}}, Warnings: one,
	}
	for _, c := range []struct {
		cfg     *Config
		objects int
		aside   [][]Problem
		want    string
	}{
		{&Config{}, 0, nil, "0 load balancers, 0 rules, 0 target groups, 0 set aside, 0 warnings"},
		{served, 1, nil, "1 object: 1 load balancer, 2 rules, 2 target groups, 0 set aside, 2 warnings"},
		{served, 7, [][]Problem{one[:1]}, "7 objects: 1 load balancer, 2 rules, 2 target groups, 1 set aside, 2 warnings"},
		{served, 7, [][]Problem{one, two}, "7 objects: 1 load balancer, 2 rules, 2 target groups, 2 set aside for 3 reasons, 2 warnings"},
	} {
		if got := c.cfg.Summary(c.objects, c.aside...); got != c.want {
			t.Errorf("%s\nwant %s", got, c.want)
		}
	}
}
