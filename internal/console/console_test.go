package console

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/albatross-lb/albatross/internal/control"
	"github.com/albatross-lb/albatross/lb"
)

func groupOf(key, name string, targets ...string) *lb.TargetGroup {
	g := &lb.TargetGroup{Key: key, Name: name, TargetType: "ip", Port: 8080, Protocol: lb.HTTP, ProtocolVersion: lb.HTTP1, IPAddressType: "ipv4",
		Attributes: map[string]string{}, HealthCheck: &lb.HealthCheck{Protocol: lb.HTTP, Path: "/", IntervalSeconds: 15, TimeoutSeconds: 5, HealthyThreshold: 2, UnhealthyThreshold: 2},
		Origin: lb.Origin{File: "shop.yaml", Line: 20, Kind: "Service", Namespace: "shop", Name: "web"}}
	for _, t := range targets {
		g.Targets = append(g.Targets, lb.Target{Addr: netip.MustParseAddrPort(t), Zone: "us-east-1a", Name: "web-0"})
	}
	return g
}

// served is a report with a load balancer, a listener, a rule that holds a secret, and
// two target groups.
func served() *control.Report {
	login := lb.Action{Type: lb.AuthenticateOIDC, OIDC: &lb.AuthenticateOIDCConfig{Issuer: "https://id", ClientID: "shop", ClientSecret: "hunter2"}}
	forward := lb.Action{Type: lb.ForwardAction, Forward: &lb.Forward{TargetGroups: []lb.WeightedTargetGroup{{TargetGroup: "shop/web:80"}}}}
	origin := lb.Origin{File: "shop.yaml", Line: 3, Kind: "Ingress", Namespace: "shop", Name: "web"}
	cfg := &lb.Config{
		LoadBalancers: []*lb.LoadBalancer{{Key: "shop/web", Name: "k8s-shop-web", Type: lb.Application, Scheme: "internal", IPAddressType: "ipv4", Origin: origin,
			Attributes: map[string]string{}, Tags: map[string]string{},
			Listeners: []*lb.Listener{{Port: 443, Protocol: lb.HTTPS, Origin: origin, DefaultActions: []lb.Action{login, forward},
				Rules: []*lb.Rule{{Priority: 1, Origin: origin, Field: "spec.rules[0].http.paths[0]", Actions: []lb.Action{login, forward},
					Conditions: []lb.Condition{{Field: lb.PathPattern, PathPattern: &lb.ValuesConfig{Values: []string{"/a&b"}}}}}}}}}},
		TargetGroups: map[string]*lb.TargetGroup{
			"shop/web:80": groupOf("shop/web:80", "k8s-shop-web", "10.0.0.1:8080", "[2001:db8::1]:8080"),
			"shop/api:80": groupOf("shop/api:80", "k8s-shop-api"),
		},
		Certificates: map[string]*lb.KeyPair{"secret:shop/tls": {CertPEM: []byte("CERT"), KeyPEM: []byte("PRIVATE KEY")}},
	}
	return &control.Report{Generation: 7, Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Config: cfg,
		SetAside: []lb.Problem{{Origin: origin, Field: "spec.rules[1]", Text: "no such service"}},
		Unread:   []lb.Problem{{Origin: lb.Origin{File: "broken.yaml", Line: 2}, Text: "this is not valid YAML"}}}
}

func options() Options {
	return Options{
		Report: served, Account: "000000000000", Region: "us-east-1",
		Health: func(key string) []TargetHealth {
			if key != "shop/web:80" {
				return nil
			}
			return []TargetHealth{
				{lb.Target{Addr: netip.MustParseAddrPort("10.0.0.1:8080"), Zone: "us-east-1a"}, 8080, lb.TargetHealth{State: lb.Healthy}, &Anomaly{true, true}},
				{lb.Target{Addr: netip.MustParseAddrPort("[2001:db8::1]:8080")}, 0,
					lb.TargetHealth{State: lb.Unhealthy, Reason: lb.ResponseCodeMismatch, Description: "Health checks failed with these codes: [500]"}, nil},
			}
		},
		NodeHealth: func() []string { return nil },
		Explain: func(_ context.Context, q Question) (any, error) {
			if q.URL == "bad" {
				return nil, errors.New("bad is no URL")
			}
			return map[string]any{"method": q.Method, "url": q.URL, "from": q.From, "x": q.Header.Values("X-A")}, nil
		},
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "albatross_up 1\n") }),
		Version: map[string]string{"version": "v1"},
	}
}

func ask(c *Console, method, target, host string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.Host = host
	w := httptest.NewRecorder()
	c.Handler().ServeHTTP(w, r)
	return w
}

func get(t *testing.T, c *Console, target string, status int) string {
	t.Helper()
	w := ask(c, "GET", target, "127.0.0.1:9901")
	if w.Code != status {
		t.Fatalf("GET %s: status %d, want %d: %s", target, w.Code, status, w.Body)
	}
	return w.Body.String()
}

func TestEndpoints(t *testing.T) {
	c := New(options())
	for _, e := range []struct {
		target string
		status int
		want   string
	}{
		{"/", 200, "/target-health"},
		{"/healthz", 200, "ok\n"},
		{"/readyz", 200, "ready: generation 7\n"},
		{"/metrics", 200, "albatross_up 1\n"},
		{"/version", 200, `"version": "v1"`},
		{"/config", 200, `"generation": 7`},
		{"/set-aside", 200, `"text": "no such service"`},
		{"/nowhere", 404, `"Code": "NotFound"`},
		{"/config/x", 404, `"Code": "NotFound"`},
		{"/debug/pprof/", 404, "NotFound"},
		{"/debug/pprof/profile", 404, "NotFound"},
		{"/explain", 400, "there is no url"},
		{"/explain?url=bad", 400, "bad is no URL"},
		{"/explain?url=http://a/&header=nocolon", 400, "has no name"},
		{"/explain?url=http://a/" + strings.Repeat("&header=a:b", 101), 400, "101 headers"},
		{"/target-health?target-group=nope", 404, "TargetGroupNotFound"},
	} {
		if got := get(t, c, e.target, e.status); !strings.Contains(got, e.want) {
			t.Errorf("GET %.60s: %s\nwant %q in it", e.target, got, e.want)
		}
	}
}

func TestOnlyReading(t *testing.T) {
	c := New(options())
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS"} {
		if w := ask(c, method, "/config", "localhost"); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
	if w := ask(c, "HEAD", "/config", "localhost"); w.Code != 200 {
		t.Errorf("HEAD: %d", w.Code)
	}
}

func TestHostsOfOthersAreRefused(t *testing.T) {
	o := options()
	o.Hosts = []string{"lb.internal"}
	c := New(o)
	bound := &net.TCPAddr{IP: net.ParseIP("192.0.2.7"), Port: 9901}
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST:9901": true, "localhost.": true, "127.0.0.1": true, "127.9.9.9:1": true, "[::1]:9901": true, "[::ffff:127.0.0.1]": true,
		"192.0.2.7:9901": true, "lb.internal:9901": true,
		"": false, "evil.example": false, "evil.example:9901": false, "localhost.evil.example": false, "127.0.0.1.evil.example": false,
		"192.0.2.8": false, "[2001:db8::1]": false, "0.0.0.0": false, "127.1": false, "2130706433": false,
	} {
		r := httptest.NewRequest("GET", "/config", nil)
		r.Host = host
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(bound)))
		w := httptest.NewRecorder()
		c.Handler().ServeHTTP(w, r)
		if got := w.Code == 200; got != want {
			t.Errorf("Host %q: status %d, want it let in: %v", host, w.Code, want)
		}
	}
}

func TestNotReadyBeforeTheFirstConfig(t *testing.T) {
	o := options()
	for name, report := range map[string]*control.Report{"no report": nil, "nothing applied": {Failure: "panic"}} {
		o.Report = func() *control.Report { return report }
		c := New(o)
		get(t, c, "/readyz", 503)
		get(t, c, "/healthz", 200)
		if got := get(t, c, "/config", 200); !strings.Contains(got, `"loadBalancers": []`) {
			t.Errorf("%s: /config: %s", name, got)
		}
		if got := get(t, c, "/target-health", 200); !strings.Contains(got, `"TargetGroups": []`) {
			t.Errorf("%s: /target-health: %s", name, got)
		}
		if got := get(t, c, "/set-aside", 200); !strings.Contains(got, `"setAside": []`) {
			t.Errorf("%s: /set-aside: %s", name, got)
		}
	}
	o.Report = func() *control.Report { r := served(); r.Failure = "panic"; return r }
	get(t, New(o), "/readyz", 200)
}

// What is told to stop is not ready, so that whoever stands before it sends nothing new.
func TestNotReadyWhileStopping(t *testing.T) {
	o := options()
	stopping := false
	o.Stopping = func() bool { return stopping }
	get(t, New(o), "/readyz", 200)
	stopping = true
	if said := get(t, New(o), "/readyz", 503); said != "not ready: stopping\n" {
		t.Errorf("it says %q", said)
	}
}

func TestConfigShowsOriginsAndTargetsAndNoSecrets(t *testing.T) {
	report := served()
	o := options()
	o.Report = func() *control.Report { return report }
	text := get(t, New(o), "/config", 200)
	for _, secret := range []string{"hunter2", "PRIVATE KEY", "CERT"} {
		if strings.Contains(text, secret) {
			t.Errorf("/config shows %q:\n%s", secret, text)
		}
	}
	if got := report.Config.LoadBalancers[0].Listeners[0].DefaultActions[0].OIDC.ClientSecret; got != "hunter2" {
		t.Errorf("the running configuration's secret is now %q", got)
	}
	var view map[string]any
	if err := json.Unmarshal([]byte(text), &view); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]any{
		"loadBalancers.0.group": "shop/web",
		"loadBalancers.0.arn": "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/k8s-shop-web/" +
			report.Config.LoadBalancers[0].ID(),
		"loadBalancers.0.origin.line":      3.0,
		"loadBalancers.0.listeners.0.port": 443.0,
		"loadBalancers.0.listeners.0.defaultActions.0.authenticateOIDCConfig.clientSecret":  "(redacted)",
		"loadBalancers.0.listeners.0.rules.0.actions.0.authenticateOIDCConfig.clientSecret": "(redacted)",
		"loadBalancers.0.listeners.0.rules.0.actions.0.authenticateOIDCConfig.clientID":     "shop",
		"loadBalancers.0.listeners.0.rules.0.field":                                         "spec.rules[0].http.paths[0]",
		"loadBalancers.0.listeners.0.rules.0.conditions.0.pathPatternConfig.values.0":       "/a&b",
		"targetGroups.shop/web:80.name":                                                     "k8s-shop-web",
		"targetGroups.shop/web:80.healthCheck.port":                                         "traffic-port",
		"targetGroups.shop/web:80.origin.kind":                                              "Service",
		"targetGroups.shop/web:80.targets.1.id":                                             "2001:db8::1",
		"targetGroups.shop/web:80.targets.0.availabilityZone":                               "us-east-1a",
	} {
		if got := at(view, path); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
}

// at finds a value by the dotted path of its keys and indexes.
func at(v any, path string) any {
	for _, key := range strings.Split(path, ".") {
		switch node := v.(type) {
		case map[string]any:
			v = node[key]
		case []any:
			i := int(key[0] - '0')
			if i >= len(node) {
				return nil
			}
			v = node[i]
		}
	}
	return v
}

func TestTargetHealthIsWhatTheAWSCommandLinePrints(t *testing.T) {
	const want = `{
  "TargetHealthDescriptions": [
    {
      "Target": {
        "Id": "10.0.0.1",
        "Port": 8080,
        "AvailabilityZone": "us-east-1a"
      },
      "HealthCheckPort": "8080",
      "TargetHealth": {
        "State": "healthy"
      }
    },
    {
      "Target": {
        "Id": "2001:db8::1",
        "Port": 8080
      },
      "TargetHealth": {
        "State": "unhealthy",
        "Reason": "Target.ResponseCodeMismatch",
        "Description": "Health checks failed with these codes: [500]"
      }
    }
  ]
}
`
	c := New(options())
	arn := served().Config.TargetGroups["shop/web:80"].ARN("000000000000", "us-east-1")
	for _, name := range []string{"shop/web:80", "k8s-shop-web", arn} {
		if got := get(t, c, "/target-health?target-group="+name, 200); got != want {
			t.Errorf("?target-group=%s:\n%s", name, got)
		}
	}
	var all struct {
		TargetGroups []struct {
			TargetGroupArn, TargetGroupName, TargetGroupKey string
			TargetHealthDescriptions                        []any
		}
	}
	if err := json.Unmarshal([]byte(get(t, c, "/target-health", 200)), &all); err != nil {
		t.Fatal(err)
	}
	if len(all.TargetGroups) != 2 || all.TargetGroups[0].TargetGroupKey != "shop/api:80" || all.TargetGroups[0].TargetHealthDescriptions == nil ||
		all.TargetGroups[1].TargetGroupArn != arn || len(all.TargetGroups[1].TargetHealthDescriptions) != 2 {
		t.Errorf("several groups: %+v", all)
	}
}

// As `aws elbv2 describe-target-health --include AnomalyDetection`.
func TestAnomalyDetectionIsShownToThoseWhoAsk(t *testing.T) {
	c := New(options())
	for _, include := range []string{"AnomalyDetection", "All"} {
		got := get(t, c, "/target-health?target-group=shop/web:80&include="+include, 200)
		if want := `"AnomalyDetection": {
        "Result": "anomalous",
        "MitigationInEffect": "yes"
      }`; strings.Count(got, want) != 1 || strings.Count(got, "AnomalyDetection") != 1 {
			t.Errorf("include=%s:\n%s", include, got)
		}
	}
	if got := get(t, c, "/target-health?include=Everything", 400); !strings.Contains(got, "write AnomalyDetection or All") {
		t.Error(got)
	}
}

func TestNodeHealth(t *testing.T) {
	o := options()
	if got := get(t, New(o), "/node-health", 200); got != "healthy\n" {
		t.Errorf("%q", got)
	}
	o.NodeHealth = func() []string { return []string{"target group a has 0 healthy targets", "target group b too"} }
	if got := get(t, New(o), "/node-health", 503); got != "unhealthy\ntarget group a has 0 healthy targets\ntarget group b too\n" {
		t.Errorf("%q", got)
	}
}

func TestExplainPassesTheQuestionOn(t *testing.T) {
	c := New(options())
	got := get(t, c, "/explain?url=http://a.example.com/x%3Fy=1&method=PUT&header=X-A:+1&header=x-a:2&from=10.0.0.9", 200)
	var answer struct {
		Method, URL, From string
		X                 []string
	}
	if err := json.Unmarshal([]byte(got), &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Method != "PUT" || answer.URL != "http://a.example.com/x?y=1" || answer.From != "10.0.0.9" || strings.Join(answer.X, ",") != "1,2" {
		t.Errorf("the question arrived as %s", got)
	}
	if got := get(t, c, "/explain?url=http://a/", 200); !strings.Contains(got, `"method": "GET"`) {
		t.Errorf("without a method: %s", got)
	}
}

func TestWhatIsNotGivenIsNotServed(t *testing.T) {
	c := New(Options{Report: served})
	for _, path := range []string{"/metrics", "/explain", "/version", "/target-health"} {
		get(t, c, path, 404)
	}
	if index := get(t, c, "/", 200); strings.Contains(index, "/metrics") {
		t.Errorf("the index lists what is not there:\n%s", index)
	}
	o := options()
	o.Profile = true
	if got := get(t, New(o), "/debug/pprof/", 200); !strings.Contains(got, "goroutine") {
		t.Errorf("with profiles: %s", got)
	}
}

func TestServe(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- New(options()).Serve(ctx, l) }()
	response, err := http.Get("http://" + l.Addr().String() + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != 200 || response.Header.Get("X-Content-Type-Options") != "nosniff" || response.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("status %d, header %v", response.StatusCode, response.Header)
	}
	large, err := http.NewRequest("GET", "http://"+l.Addr().String()+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	large.Header.Set("X-Large", strings.Repeat("a", 2*maxHeaderBytes))
	if response, err = http.DefaultClient.Do(large); err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("headers over the limit: status %d", response.StatusCode)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("the port is still open after Serve has returned")
	}
}
