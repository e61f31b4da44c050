package house

import (
	"slices"
	"strings"
	"testing"
)

// A rule says what the rooms of from may import of this module. A name ending
// in /... stands for everything below it.
type rule struct {
	from []string
	may  []string
	why  string
}

// engines do one thing each for the request path. They know the words, not each other.
var engines = []string{
	"internal/match", "internal/balance", "internal/health", "internal/waf", "internal/authn", "internal/certs", "internal/acme",
	"internal/accesslog", "internal/metrics", "internal/cost", "internal/upstream", "internal/http1", "internal/http2",
}

// machine is what runs between a client's socket and a target's.
var machine = []string{"internal/listener", "internal/proxy", "internal/flow"}

// rules has one line for every room of the house, from the bottom to the top.
var rules = []rule{
	{[]string{"lb"}, nil,
		"the words are what everybody else imports: whatever they import, everybody has"},
	{[]string{"internal/sock"}, nil,
		"a socket knows bytes and deadlines; what they mean is for those who use it"},
	{[]string{"internal/upstream"}, []string{"lb", "internal/sock", "internal/http2"},
		"connections to targets are sockets, or streams on one; otherwise an engine like the others"},
	{engines, []string{"lb"},
		"an engine that imports another cannot be tested, measured or replaced alone; what two of them must share is wired by the snapshot or by the proxy"},
	{[]string{"internal/manifest"}, []string{"lb"},
		"manifest is a pure translation, objects in and lb.Config out, so that `check` and every source give the same answer"},
	{[]string{"internal/source/..."}, []string{"lb", "internal/manifest", "internal/control"},
		"a source is a door: it hands a whole lb.Config to the loop, in the words of control.Source, and knows neither the other doors nor the machine behind"},
	{[]string{"internal/snapshot"}, join(engines, "lb"),
		"a snapshot is built from words and engines; if it knew the machine, the machine could not swap it whole"},
	{[]string{"internal/explain"}, []string{"lb", "internal/match", "internal/snapshot"},
		"an explanation asks the snapshot that serves, so that it cannot say anything else than what happens"},
	{machine, join(engines, "lb", "internal/sock", "internal/snapshot"),
		"the request path takes the snapshot once and asks nobody else: configuration never reaches up into a request"},
	{[]string{"internal/control"}, []string{"lb"},
		"the loop knows what it builds and swaps, and its sources only by the interface that it defines itself"},
	{[]string{"internal/console"}, []string{"lb", "internal/control", "internal/snapshot", "internal/metrics", "internal/health"},
		"the console shows what the loop runs; it decides nothing and is imported by nothing but the command"},
	{[]string{"retail/..."}, []string{"retail/..."},
		"the Retail API is a service like anybody's: it must run without the load balancer, and the load balancer must not know what it carries"},
	{[]string{"cmd/retail-api", "cmd/retail-train"}, []string{"retail/..."},
		"the service's commands wire the service, as anybody's would"},
	{[]string{"cmd/albatross"}, []string{"lb", "internal/..."},
		"the command wires every room of the load balancer, and nothing of what it carries"},
	{[]string{"bench/...", "deploy/...", "test/house"}, []string{"bench/...", "deploy/...", "test/ports"},
		"runners and benchmarks use the binaries from outside, as everybody does: what they show must hold for a user"},
	{[]string{"test/..."}, []string{"lb", "internal/...", "test/..."},
		"tests may look into every room"},
}

// strangers are packages that are not ours and that only some rooms may use.
var strangers = []struct {
	prefix string
	may    []string
	why    string
}{
	{"k8s.io/", []string{"internal/manifest", "internal/source/kube", "test/..."},
		"another dialect stops at its door: inside there are AWS's words only"},
	{"sigs.k8s.io/", []string{"internal/manifest", "internal/source/...", "test/..."},
		"another dialect stops at its door: inside there are AWS's words only"},
	{"github.com/danielgtaylor/huma", []string{"retail/...", "cmd/retail-api"},
		"the Retail API documents itself through it; the load balancer has no use for it"},
	{"github.com/swaggest/swgui", []string{"retail/...", "cmd/retail-api"},
		"the Retail API's page; the load balancer has no use for it"},
	{"github.com/alecthomas/kong", []string{"cmd/..."},
		"a command line is read where commands are"},
}

// onPath are the rooms every request passes.
var onPath = []string{"internal/http1", "internal/match", "internal/balance", "internal/upstream", "internal/listener", "internal/proxy", "internal/flow"}

func TestImportsPointDown(t *testing.T) {
	for _, p := range packages(t) {
		rule, found := ruleOf(p.room())
		if !found {
			t.Errorf("package %s has no place in the house: give it a line in test/house/imports_test.go and in docs/architecture.md", p.room())
			continue
		}
		for _, imported := range p.Imports {
			if to := inModule(imported); to != "" && !within(to, rule.may) {
				t.Errorf("%s imports %s: %s", p.room(), to, rule.why)
			}
		}
	}
}

func TestStrangersStayAtTheirDoor(t *testing.T) {
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			for _, s := range strangers {
				if strings.HasPrefix(imported, s.prefix) && !within(p.room(), s.may) {
					t.Errorf("%s imports %s: %s", p.room(), imported, s.why)
				}
			}
		}
	}
}

func TestNoNetHTTPOnTheRequestPath(t *testing.T) {
	for _, p := range packages(t) {
		if slices.Contains(onPath, p.room()) && slices.Contains(p.Imports, "net/http") {
			t.Errorf("%s imports net/http: its header maps and per-request allocations cost several times what the whole path may (see bench/README.md)", p.room())
		}
	}
}

// TestRulesCanFail holds the table against edges that must never pass.
func TestRulesCanFail(t *testing.T) {
	for _, edge := range []struct{ from, to string }{
		{"lb", "internal/match"}, {"internal/match", "internal/balance"}, {"internal/source/file", "internal/source/kube"},
		{"internal/snapshot", "internal/proxy"}, {"internal/proxy", "internal/control"}, {"internal/control", "internal/source/file"},
		{"internal/health", "internal/snapshot"}, {"retail/model", "lb"}, {"internal/proxy", "retail/model"},
	} {
		rule, found := ruleOf(edge.from)
		if !found {
			t.Errorf("no rule for %s", edge.from)
		} else if within(edge.to, rule.may) {
			t.Errorf("%s may import %s", edge.from, edge.to)
		}
	}
}

// ruleOf gives the first rule that speaks of the room.
func ruleOf(room string) (rule, bool) {
	for _, r := range rules {
		if within(room, r.from) {
			return r, true
		}
	}
	return rule{}, false
}

// within tells whether the room is one of names, or below one that ends in /...
func within(room string, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		above, below := strings.CutSuffix(name, "/...")
		return room == above || below && strings.HasPrefix(room, above+"/")
	})
}

func join(some []string, more ...string) []string { return slices.Concat(some, more) }
