package manifest

import (
	"strings"
	"testing"
)

// TestReadTargets: each item that is no target is named, with what to write, and the others count.
func TestReadTargets(t *testing.T) {
	for _, c := range []struct{ raw, want, fault string }{
		{"127.0.0.1:9001", "127.0.0.1:9001", ""},
		{" 127.0.0.1:9001 , 127.0.0.1:9002,", "127.0.0.1:9001 127.0.0.1:9002", ""},
		{"[::1]:9001,[2001:db8::1]:80", "[::1]:9001 [2001:db8::1]:80", ""},
		{"", "", "it is empty"},
		{" , ", "", "it is empty"},
		{"127.0.0.1:9001,localhost:9002", "127.0.0.1:9001", `"localhost" is no IP address, and host names are not looked up; write an address, such as 127.0.0.1:9002`},
		{"http://127.0.0.1:9001", "", "write the address and the port alone"},
		{"127.0.0.1", "", "the port is missing; write for example 127.0.0.1:9001"},
		{"::1", "", "write for example [::1]:9001"},
		{"[::1]", "", "write for example [::1]:9001"},
		{"::1:9001", "", "the brackets of the IPv6 address are"},
		{"127.0.0.1:0", "", "0 is no port"},
		{"127.0.0.1:99999", "", `"99999" is no port; write a number from 1 to 65535`},
		{"127.0.0.1:http", "", `"http" is no port`},
		{"0.0.0.0:9001", "", "write the address where the program is reached, such as 127.0.0.1:9001"},
		{"224.0.0.1:9001", "", "nothing can be connected to there"},
		{"10.0.0.0/8:9001", "", "write each address with its port"},
		{"127.0.0.1:9001 127.0.0.1:9002", "", "write a comma between targets"},
		{"127.0.0.1:9001;127.0.0.1:9002", "", "write a comma between targets"},
		{":9001", "", `"" is no IP address`},
		{"9001", "", "write an IP address and a port"},
		{"256.0.0.1:80", "", `"256.0.0.1" is no IP address`},
	} {
		targets, err := readTargets(annotations{ownPrefix, map[string]string{ownPrefix + ownTargets: c.raw}}, ownTargets)
		var got []string
		for _, target := range targets {
			got = append(got, target.Addr.String())
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q: %v, want %s", c.raw, got, c.want)
		}
		if c.fault == "" && err != nil || c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)) {
			t.Errorf("%q: %v, want %q", c.raw, err, c.fault)
		}
	}
}

// FuzzReadTargets: whatever is written, each item is a target or a fault.
func FuzzReadTargets(f *testing.F) {
	for _, seed := range []string{"127.0.0.1:9001,[::1]:80", "::1", "a:b:c", "[fe80::1%eth0]:1", "http://x", ":", "0:0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		targets, err := readTargets(annotations{ownPrefix, map[string]string{ownPrefix + ownTargets: raw}}, ownTargets)
		if items := len(splitList(raw)); len(targets)+len(each(err)) != max(items, 1) {
			t.Errorf("%q: %d items, %d targets, %v", raw, items, len(targets), err)
		}
		for _, target := range targets {
			if !target.Addr.IsValid() || target.Addr.Port() == 0 {
				t.Errorf("%q: %v", raw, target.Addr)
			}
		}
	})
}

// TestTargetsOfFilesOnly: the annotation counts where it is asked for.
func TestTargetsOfFilesOnly(t *testing.T) {
	objects, _ := Parse("f", []byte(`
apiVersion: v1
kind: Service
metadata: {name: web, annotations: {service.beta.kubernetes.io/aws-load-balancer-type: nlb-ip, albatross.io/targets: "127.0.0.1:9001"}}
spec: {type: LoadBalancer, ports: [{port: 80}]}
`))
	if g := Build(objects, Options{LocalTargets: true}).TargetGroups["default/web:80"]; g == nil || len(g.Targets) != 1 {
		t.Errorf("from a file: %v", g)
	}
	cfg := Build(objects, Options{})
	if g := cfg.TargetGroups["default/web:80"]; g == nil || len(g.Targets) != 0 {
		t.Errorf("from elsewhere: %v", g)
	}
	if len(cfg.Notes) != 1 || !strings.Contains(cfg.Notes[0].Text, "read from files only") {
		t.Errorf("notes %v", cfg.Notes)
	}
}
