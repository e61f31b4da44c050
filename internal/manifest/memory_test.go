package manifest

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/albatross-lb/albatross/lb"
)

// town is a set of objects that can be changed one at a time; each is parsed when it changes only.
type town struct {
	texts  map[string]string
	parsed map[string][]Object
	order  []string
}

func (o *town) put(file, text string) {
	if o.texts[file] == text {
		return
	}
	if _, known := o.texts[file]; !known {
		o.order = append(o.order, file)
	}
	objects, _ := Parse(file, []byte(text))
	o.texts[file], o.parsed[file] = text, objects
}

func (o *town) objects() (all []Object) {
	for _, file := range o.order {
		all = append(all, o.parsed[file]...)
	}
	return all
}

func ingressText(i, group int, more, path string) string {
	return fmt.Sprintf(`apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: app-%d
  annotations:
    kubernetes.io/ingress.class: alb
    alb.ingress.kubernetes.io/group.name: group-%d
    alb.ingress.kubernetes.io/target-type: ip
    %s
spec:
  rules:
  - host: app-%d.example.com
    http:
      paths:
      - {path: %s, pathType: Prefix, backend: {service: {name: app-%d, port: {number: 80}}}}
      - {path: /shared, pathType: Exact, backend: {service: {name: app-0, port: {name: http}}}}
      - {path: /act, pathType: Exact, backend: {service: {name: act, port: {name: use-annotation}}}}
`, i, group, more, i, path, i)
}

func serviceText(i int, more string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: Service\nmetadata: {name: app-%d, annotations: {alb.ingress.kubernetes.io/healthcheck-path: %q}}\nspec: {ports: [{name: http, port: 80, targetPort: 8080}]}\n", i, more)
}

func sliceText(i, n int) string {
	var endpoints []string
	for t := range n {
		endpoints = append(endpoints, fmt.Sprintf("{addresses: [10.0.%d.%d]}", i, t+1))
	}
	return fmt.Sprintf("apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: app-%d, labels: {kubernetes.io/service-name: app-%d}}\naddressType: IPv4\nports: [{name: http, port: 8080}]\nendpoints: [%s]\n",
		i, i, strings.Join(endpoints, ", "))
}

var actions = []string{"",
	`alb.ingress.kubernetes.io/actions.act: '{"type":"fixed-response","fixedResponseConfig":{"statusCode":"200"}}'`,
	`alb.ingress.kubernetes.io/actions.act: '{"type":"forward","forwardConfig":{"targetGroups":[{"serviceName":"app-1","servicePort":80,"weight":1},{"serviceName":"app-2","servicePort":80,"weight":2}]}}'`,
	`alb.ingress.kubernetes.io/actions.act: '{"type":"redirect","redirectConfig":{"host":"elsewhere.example.com","statusCode":"HTTP_301"}}'`,
	`alb.ingress.kubernetes.io/actions.act: '{"type":"forward"}'`,
	`alb.ingress.kubernetes.io/backend-protocl: HTTPS`,
	`alb.ingress.kubernetes.io/actions.act: '{"type":"forward","targetGroupName":"web"}'`,
	`alb.ingress.kubernetes.io/auth-type: oidc`,
	`alb.ingress.kubernetes.io/group.order: "7"`,
	`alb.ingress.kubernetes.io/scheme: internet-facing`,
	`alb.ingress.kubernetes.io/certificate-arn: arn:aws:acm:us-east-1:000000000000:certificate/1`,
	`alb.ingress.kubernetes.io/listen-ports: '[{"HTTP":80},{"HTTPS":443}]'`,
	`alb.ingress.kubernetes.io/enable-frontend-nlb: "true"`,
	`albatross.io/acme: "true"`,
	`alb.ingress.kubernetes.io/listener-attributes.HTTP-81: a=b`,
	`alb.ingress.kubernetes.io/group.order: first`, // from here on what sets the Ingress aside
	`alb.ingress.kubernetes.io/group.order: 7`,
	`alb.ingress.kubernetes.io/listen-ports: '['`,
	`alb.ingress.kubernetes.io/scheme: public`,
	`alb.ingress.kubernetes.io/ssl-redirect: "443"`,
	`alb.ingress.kubernetes.io/conditions.act: '['`,
	`alb.ingress.kubernetes.io/load-balancer-attributes: idle_timeout.timeout_seconds=x,y`,
}

// change makes one change to one object.
func (o *town) change(r *rand.Rand) {
	i := r.IntN(5)
	switch r.IntN(10) {
	case 8:
		o.put(fmt.Sprintf("endpoints-%d.yaml", i), fmt.Sprintf("apiVersion: v1\nkind: Endpoints\nmetadata: {name: app-%d}\nsubsets: [{addresses: [{ip: 10.1.0.%d}], ports: [{name: http, port: 8080}]}]\n", i, r.IntN(3)))
	case 9:
		switch r.IntN(4) {
		case 0:
			o.put(fmt.Sprintf("slice-%d.yaml", i), "# gone\n")
		case 1: // set aside, or of another name, or on another port
			o.put(fmt.Sprintf("slice-%d.yaml", i), strings.Replace(sliceText(i, 1), []string{"addressType: IPv4", "service-name: app", "name: http"}[r.IntN(3)], "x: y", 1))
		case 2:
			o.put(fmt.Sprintf("ingress-%d.yaml", i), strings.Replace(ingressText(i, i%2, "", "/"), "  rules:", "  roolz:", 1))
		case 3:
			o.put(fmt.Sprintf("service-%d.yaml", i), strings.Replace(serviceText(i, "/"), "annotations: {", fmt.Sprintf("annotations: {albatross.io/targets: 127.0.0.%d:9001, ", r.IntN(3)), 1))
		}
	case 6:
		o.put("secret.yaml", fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata: {name: tls, annotations: {albatross.io/certificate-arn: %q}}\ndata: {tls.crt: Y2VydA==, tls.key: %s}\n",
			"arn:aws:acm:us-east-1:000000000000:certificate/"+fmt.Sprint(r.IntN(2)), []string{"a2V5", `""`}[r.IntN(2)]))
	case 7:
		o.put(fmt.Sprintf("ingress-%d.yaml", i), ingressText(i, r.IntN(2), actions[r.IntN(len(actions))], "/")+"  tls: [{secretName: tls}]\n")
	case 5:
		o.put("binding.yaml", fmt.Sprintf("apiVersion: elbv2.k8s.aws/v1beta1\nkind: TargetGroupBinding\nmetadata: {name: b}\nspec: {targetGroupName: %s, serviceRef: {name: app-%d, port: 80}}\n",
			[]string{"web", "other"}[r.IntN(2)], i))
	case 0, 1:
		o.put(fmt.Sprintf("ingress-%d.yaml", i), ingressText(i, r.IntN(2), actions[r.IntN(len(actions))], fmt.Sprintf("/p%d", r.IntN(3))))
	case 2:
		o.put(fmt.Sprintf("service-%d.yaml", i), serviceText(i, fmt.Sprintf("/%d", r.IntN(3))))
	case 3:
		o.put(fmt.Sprintf("slice-%d.yaml", i), sliceText(i, r.IntN(3)))
	case 4:
		if r.IntN(4) == 0 {
			o.put("node.yaml", fmt.Sprintf("apiVersion: v1\nkind: Node\nmetadata: {name: node-1, labels: {a: x%d}}\n", r.IntN(2)))
		}
		switch file := fmt.Sprintf("service-%d.yaml", i); r.IntN(6) {
		case 0, 1:
			o.put(file, "# gone\n")
		case 2:
			o.put(file, serviceText(i, "/")+"status: broken\n")
		}
	}
}

// TestATranslationIsABuild: whatever came before, the Config is the one that Build makes.
func TestATranslationIsABuild(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	o := &town{texts: map[string]string{}, parsed: map[string][]Object{}}
	for i := range 5 {
		o.put(fmt.Sprintf("ingress-%d.yaml", i), ingressText(i, i%2, "", "/"))
		o.put(fmt.Sprintf("service-%d.yaml", i), serviceText(i, "/"))
		o.put(fmt.Sprintf("slice-%d.yaml", i), sliceText(i, 1))
	}
	translation := NewTranslation(Options{LocalTargets: true})
	kept, before := 0, map[*lb.Rule]bool{}
	balancers, wholes := map[*lb.LoadBalancer]bool{}, 0
	for step := range 800 {
		o.change(r)
		got, want := translation.Build(o.objects()), Build(o.objects(), Options{LocalTargets: true})
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("step %d:\n got %s\nwant %s", step, configText(got), configText(want))
		}
		now := map[*lb.Rule]bool{}
		for _, b := range got.LoadBalancers {
			if balancers[b] {
				wholes++
			}
			balancers[b] = true
			for _, l := range b.Listeners {
				for _, rule := range l.Rules {
					now[rule] = true
					if before[rule] {
						kept++
					}
				}
			}
		}
		before = now
	}
	if kept < 1000 || wholes < 250 {
		t.Errorf("%d rules and %d load balancers were kept from one Config to the next", kept, wholes)
	}
}

func configText(c *lb.Config) string {
	var b strings.Builder
	for _, l := range c.LoadBalancers {
		for _, x := range l.Listeners {
			for _, r := range x.Rules {
				fmt.Fprintln(&b, l.Key, r.Priority, r.Conditions, r.Actions)
			}
		}
	}
	for _, p := range append(append(append([]lb.Problem(nil), c.SetAside...), c.Warnings...), c.Notes...) {
		fmt.Fprintln(&b, p)
	}
	return b.String()
}
