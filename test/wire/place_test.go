package wire

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/albatross-lb/albatross/test/ports"
)

// place is a load balancer that a case has to itself: an Ingress, a listener, a target group.
type place struct {
	name       string // of the load balancer
	settings   settings
	port       int // of the listener
	targets    *net.TCPListener
	targetPort int
	gone       bool // the target is deregistered
	used       bool // by an earlier round
	logged     int  // lines in the log when the case began, which are of earlier rounds (-count)
	counted    figures
}

// newPlace writes the manifests of a load balancer and listens for what comes to its target.
func newPlace(name string, s settings) (*place, error) {
	p := &place{name: name, settings: s}
	var err error
	if p.port, err = ports.Free(); err != nil {
		return nil, err
	}
	switch s.targets {
	case "refusing":
		p.targetPort, err = ports.Free()
	case "full":
		p.targetPort, err = fullBacklog()
	default:
		if p.targetPort, err = ports.Free(); err == nil {
			p.targets, err = net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: p.targetPort})
		}
	}
	if err != nil {
		return nil, fmt.Errorf("making a target: %w", err)
	}
	if err := p.write("", p.ingress()); err != nil {
		return nil, err
	}
	world.places = append(world.places, p)
	return p, p.register()
}

func (p *place) register() error {
	p.gone = false
	if p.settings.targets == "none" {
		return nil
	}
	return p.write("-slice", fmt.Sprintf(endpointSlice, p.name, p.targetPort))
}

// begin makes the place fit for one more round of its case.
func (p *place) begin() (err error) {
	if p.targets != nil {
		p.targets.SetDeadline(time.Now().Add(3 * patience))
	}
	p.logged = world.logs.count(p.name)
	if !p.used {
		p.used = true
		return nil
	}
	if p.gone {
		if err := p.register(); err != nil {
			return err
		}
		if err := p.await("healthy"); err != nil {
			return err
		}
	}
	p.counted, err = scrape()
	return err
}

// settle waits until nothing of an earlier round is under way, and its lines are in the log.
func (p *place) settle() error {
	for deadline := time.Now().Add(patience); ; time.Sleep(beat) {
		counters, err := scrape()
		if err == nil && counters.of(p.name, "active_connection_count") == 0 &&
			counters.of(p.name, "received_requests") == float64(world.logs.count(p.name)) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("connections of %s stay open, or their requests are not logged: %v", p.name, err)
		}
	}
}

// await waits until the target's state is the one given, or is not: "!healthy".
func (p *place) await(state string) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(beat) {
		states, err := targetStates()
		if other, not := strings.CutPrefix(state, "!"); err == nil && (states[p.targetPort] == state || not && states[p.targetPort] != other) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waiting for the target to be %s: %v, it is %q", state, err, states[p.targetPort])
		}
	}
}

// relisten opens the target's port anew after somebody has closed it. A child that is being started at that
// moment has the old socket, too, until its exec.
func (p *place) relisten() (err error) {
	p.targets.Close()
	for deadline := time.Now().Add(patience); ; time.Sleep(beat) {
		p.targets, err = net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: p.targetPort})
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

func findPlace(name string) *place {
	for _, p := range world.places {
		if p.name == name {
			return p
		}
	}
	panic("no place is named " + name)
}

func (p *place) addr() string { return fmt.Sprintf("127.0.0.1:%d", p.port) }

// healthy tells whether the target will pass its health checks.
func (p *place) healthy() bool { return p.settings.targets != "none" && p.settings.version == "" }

// title is what people know it by.
func (p *place) title() string {
	var i int
	if n, _ := fmt.Sscanf(p.name, "case-%d", &i); n == 1 {
		return world.scenarios[i].file + ": " + world.scenarios[i].name
	}
	return p.name
}

// write replaces a manifest in one step, as editors and kubelets do.
func (p *place) write(suffix, text string) error {
	file := filepath.Join(world.dir, "manifests", p.name+suffix+".yaml")
	if err := os.WriteFile(file+".part", []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(file+".part", file)
}

// deregister takes the target out of the manifests and waits until that is in force.
func (p *place) deregister() error {
	if err := os.Remove(filepath.Join(world.dir, "manifests", p.name+"-slice.yaml")); err != nil {
		return err
	}
	p.gone = true
	return p.await("!healthy")
}

func (p *place) ingress() string {
	var more strings.Builder
	annotate := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&more, "    alb.ingress.kubernetes.io/%s: %s\n", name, value)
		}
	}
	protocol := "HTTP"
	if p.settings.https {
		protocol = "HTTPS"
		annotate("certificate-arn", "arn:aws:acm:us-east-1:000000000000:certificate/wire")
	}
	annotate("load-balancer-attributes", p.settings.attributes)
	annotate("target-group-attributes", p.settings.groupAttributes)
	annotate("backend-protocol-version", p.settings.version)
	for _, a := range p.settings.annotations {
		name, value, _ := strings.Cut(a, ": ")
		annotate(name, value)
	}
	return fmt.Sprintf(ingress, p.name, world.health, protocol, p.port, more.String())
}

const ingress = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: %[1]s
  annotations:
    kubernetes.io/ingress.class: alb
    alb.ingress.kubernetes.io/load-balancer-name: %[1]s
    alb.ingress.kubernetes.io/target-type: ip
    alb.ingress.kubernetes.io/healthcheck-port: '%[2]d'
    alb.ingress.kubernetes.io/healthcheck-interval-seconds: '300'
    alb.ingress.kubernetes.io/listen-ports: '[{"%[3]s": %[4]d}]'
%[5]sspec:
  defaultBackend: {service: {name: %[1]s, port: {number: 80}}}
  rules:
  - http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: %[1]s, port: {number: 80}}}}]}
---
apiVersion: v1
kind: Service
metadata: {name: %[1]s}
spec: {ports: [{name: http, port: 80, targetPort: http}]}
`

// login is the Secret of rules that ask for a login.
const login = `
apiVersion: v1
kind: Secret
metadata: {name: login}
stringData: {clientID: a, clientSecret: b}
`

const endpointSlice = `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: %[1]s
  labels: {kubernetes.io/service-name: %[1]s}
addressType: IPv4
ports: [{name: http, port: %[2]d}]
endpoints: [{addresses: [127.0.0.1], conditions: {ready: true}}]
`

// targetStates gives the state of each target by its port.
func targetStates() (map[int]string, error) {
	r, err := http.Get(world.admin + "/target-health")
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	var answer struct {
		TargetGroups []struct {
			TargetHealthDescriptions []struct {
				Target       struct{ Port int }
				TargetHealth struct{ State string }
			}
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
		return nil, err
	}
	states := map[int]string{}
	for _, g := range answer.TargetGroups {
		for _, d := range g.TargetHealthDescriptions {
			states[d.Target.Port] = d.TargetHealth.State
		}
	}
	return states, nil
}
