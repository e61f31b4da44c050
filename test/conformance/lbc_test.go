package conformance_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/albatross-lb/albatross/internal/manifest"
	"github.com/albatross-lb/albatross/lb"
)

// Floors: fewer than these means that something which worked no longer does. They
// hold for the cases that come with the project; other folders have no floor.
const (
	knownCases   = 191
	equalFloor   = 126
	refusedFloor = 66
)

// inventory is what the cases take as given beside their manifests.
func inventory() *manifest.Inventory {
	certificate := func(name string, domains ...string) manifest.InventoryCertificate {
		return manifest.InventoryCertificate{ARN: "arn:aws:acm:us-west-2:111111111111:certificate/" + name, Domains: domains}
	}
	named := func(arn string) map[string]string { return map[string]string{"*": arn, "missing*": ""} }
	const elb, waf = "arn:aws:elasticloadbalancing:us-west-2:111111111111:", "arn:aws:wafv2:us-west-2:111111111111:regional/webacl/"
	return &manifest.Inventory{
		Certificates: []manifest.InventoryCertificate{
			certificate("10-shop", "shop.example.com"),
			certificate("20-wildcard", "*.example.com", "example.com"),
			certificate("30-api", "api.example.org", "api2.example.org"),
			certificate("40-deep", "*.dev.example.com"),
		},
		TrustStores:    named(elb + "truststore/{name}/0001"),
		TargetGroups:   map[string]manifest.InventoryTargetGroup{"*": {ARN: elb + "targetgroup/{name}/0001"}, "missing*": {}},
		SecurityGroups: named("sg-named-{name}"),
		WebACLs:        map[string]string{"edge-acl": waf + "edge-acl/0001", "team-acl": waf + "team-acl/0002"},
	}
}

// lbcCase is what AWS's controller makes of the manifests of a case.
type lbcCase struct {
	Case          string            `json:"case"`
	Error         string            `json:"error"`
	Errors        map[string]string `json:"errors"`
	LoadBalancers []any             `json:"loadBalancers"`
	TargetGroups  map[string]any    `json:"targetGroups"`
	Ignored       []string          `json:"ignored"`
}

func (c lbcCase) refuses() bool { return c.Error != "" || len(c.Errors) > 0 }

// compares tells whether there is a result to compare: not when all that there is
// cannot be built.
func (c lbcCase) compares() bool {
	return c.Error == "" && (len(c.Errors) == 0 || len(c.LoadBalancers) > 0)
}

// TestLBC reads every case of the folder and compares.
func TestLBC(t *testing.T) {
	folder := caseFolder(t, "lbc")
	files, _ := filepath.Glob(filepath.Join(folder, "*.expected.json"))
	if len(files) == 0 {
		t.Skipf("no cases in %s", folder)
	}
	var equal, compared, refused, refusals int
	for _, file := range files {
		var want lbcCase
		readJSON(t, file, &want)
		cfg := build(t, strings.TrimSuffix(file, ".expected.json")+".yaml")
		if want.refuses() {
			refusals++
			if why := notRefused(want, cfg); why != "" {
				fmt.Printf("not set aside: %s: %s\n", want.Case, why)
			} else {
				refused++
			}
		}
		if want.compares() {
			compared++
			if why := difference(t, want, cfg); why != "" {
				fmt.Printf("differs: %s: %s\n", want.Case, why)
			} else {
				equal++
			}
		}
	}
	fmt.Printf("lbc: %d of %d equal\n", equal, compared)
	fmt.Printf("set aside: %d of %d\n", refused, refusals)
	if len(files) == knownCases && (equal < equalFloor || refused < refusedFloor) {
		t.Errorf("%d equal and %d set aside; it has been %d and %d", equal, refused, equalFloor, refusedFloor)
	}
}

func build(t *testing.T, file string) *lb.Config {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	objects, problems := manifest.Parse(filepath.Base(file), data)
	cfg := manifest.Build(objects, manifest.Options{ClusterName: "cluster-dummy", OnlyListedClasses: true, Inventory: inventory()})
	cfg.SetAside = append(cfg.SetAside, problems...)
	return cfg
}

// notRefused says what is served although it should be set aside; "" if nothing.
func notRefused(want lbcCase, cfg *lb.Config) string {
	if len(cfg.SetAside) == 0 {
		return "nothing is set aside; AWS's controller says " + want.Error
	}
	for key := range want.Errors {
		if !strings.Contains(key, "/") { // a whole group; its bad member is in SetAside
			continue
		}
		if !slices.ContainsFunc(cfg.SetAside, func(p lb.Problem) bool { return p.Origin.Namespace+"/"+p.Origin.Name == key }) {
			return key + " is not set aside"
		}
	}
	return ""
}

// difference says what differs first; "" if nothing does.
func difference(t *testing.T, want lbcCase, cfg *lb.Config) string {
	t.Helper()
	var got lbcCase
	text, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if len(want.Errors) == 0 && len(cfg.SetAside) > 0 {
		return "set aside: " + cfg.SetAside[0].String()
	}
	got.LoadBalancers = slices.DeleteFunc(got.LoadBalancers, func(l any) bool {
		group, _ := l.(map[string]any)["group"].(string)
		_, broken := want.Errors[group] // ours serves what is left of the group
		return broken
	})
	if why := compare("loadBalancers", asAny(want.LoadBalancers), asAny(got.LoadBalancers)); why != "" {
		return why
	}
	if len(want.Errors) > 0 {
		for key := range got.TargetGroups {
			if _, ok := want.TargetGroups[key]; !ok {
				delete(got.TargetGroups, key)
			}
		}
	}
	if why := compare("targetGroups", asAny(want.TargetGroups), asAny(got.TargetGroups)); why != "" {
		return why
	}
	return compare("ignored", asAny(want.Ignored), asAny(got.Ignored))
}

// asAny brings a value into the form that JSON gives it, without nil lists.
func asAny(v any) any {
	text, _ := json.Marshal(v)
	var out any
	_ = json.Unmarshal(text, &out)
	return out
}

// compare says where two JSON values differ first.
func compare(path string, want, got any) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			break
		}
		keys := map[string]bool{}
		for k := range w {
			keys[k] = true
		}
		for k := range g {
			keys[k] = true
		}
		var all []string
		for k := range keys {
			all = append(all, k)
		}
		slices.Sort(all)
		for _, k := range all {
			if why := compare(path+"."+k, w[k], g[k]); why != "" {
				return why
			}
		}
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			break
		}
		for i := range w {
			if why := compare(fmt.Sprintf("%s[%d]", path, i), w[i], g[i]); why != "" {
				return why
			}
		}
	}
	show := func(v any) string { text, _ := json.Marshal(v); return string(text) }
	return fmt.Sprintf("%s is %s, want %s", path, show(got), show(want))
}

func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// caseFolder is where the cases of one kind are; the test is skipped without them.
func caseFolder(t *testing.T, kind string) string {
	t.Helper()
	root := os.Getenv("ALBATROSS_CONFORMANCE")
	if root == "" {
		root = "../../../shared/conformance"
	}
	folder := filepath.Join(root, kind)
	if _, err := os.Stat(folder); err != nil {
		t.Skipf("the cases are not here (ALBATROSS_CONFORMANCE names their folder): %v", err)
	}
	return folder
}
