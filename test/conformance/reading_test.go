package conformance_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/albatross-lb/albatross/internal/manifest"
	"github.com/albatross-lb/albatross/internal/source/file"
)

// TestKeysWrittenTwice: the last one replaces the first as a whole. In m.yaml that takes the target
// type with it, so that the Service would need a node port, as on AWS.
func TestKeysWrittenTwice(t *testing.T) {
	const folder = "01-duplicate-keys-are-mixed"
	o := inCase(t, folder, "check", "m.yaml")
	o.says(t, "spec.rules[0].http.paths[0]: Service shop/web has no node port", "1 set aside", "metadata.annotations: the key is written twice", "spec.rules: the key is written twice")
	o.saysNot(t, "internet-facing", "127.0.0.0/8", "a.example.com")

	inCase(t, folder, "check", "b.yaml").says(t, "fixed response 404", "spec: the key is written twice")
	inCase(t, folder, "check", "c.yaml").says(t, "application, internal, ipv4")
}

// TestJSON: objects one after another, and the escapes of RFC 8259.
func TestJSON(t *testing.T) {
	for _, file := range []string{"lines.json", "pretty.json"} {
		inCase(t, "02-json-objects-one-after-another", "check", file).says(t, "127.0.0.1:21101", "3 objects: 1 load balancer, 1 rule, 1 target group, 0 set aside, 0 warnings")
	}
	const folder = "04-json-escapes-refused"
	for _, file := range []string{"slash.json", "a.json"} {
		inCase(t, folder, "check", file).says(t, "host is a.example.com, path is /*", "fixed response 503", "0 set aside, 0 warnings")
	}
	inCase(t, folder, "check", "emoji.json").says(t, "0 set aside, 0 warnings")
}

// TestOtherTools: a repository's files of other tools are passed over.
func TestOtherTools(t *testing.T) {
	o := inCase(t, "25-other-files-of-a-repository", "check", "repo")
	if o.code != 0 {
		t.Errorf("exit code %d", o.code)
	}
	o.says(t, "127.0.0.1:21101", "1 load balancer", "0 set aside, 0 warnings")
}

// TestCharts: a chart's templates are no manifests; what Helm makes of them comes by standard input.
func TestCharts(t *testing.T) {
	const name = "16-helm-templates-and-stdin"
	o := inCase(t, name, "check", "-q", "chart")
	o.says(t, "chart/Chart.yaml: this is a Helm chart", "helm template chart | albatross check -", "1 set aside")
	o.saysNot(t, "write for example kind", "has no name", ".Release.Name")
	for _, template := range []string{"ingress.yaml", "service.yaml"} {
		o = inCase(t, name, "check", "-q", "chart/templates/"+template)
		o.says(t, "it holds {{", "helm template CHART | albatross check -")
	}
	rendered := `{"apiVersion":"v1","kind":"Service","metadata":{"name":"web"},"spec":{"ports":[{"port":80}]}}`
	for _, path := range []string{"-", "/dev/stdin"} {
		if o := inFolder(t, filepath.Join(caseFolder(t, "cases"), name), rendered, "check", path); o.code != 0 || !strings.Contains(o.stdout, "1 object") {
			t.Errorf("%s: exit code %d: %s%s", path, o.code, o.stdout, o.stderr)
		}
	}
}

// TestKustomizations: a patch replaces nothing; the overlay is named, and the base alone is served.
func TestKustomizations(t *testing.T) {
	const name = "17-kustomize-overlay-replaces-the-base"
	o := inCase(t, name, "check", "-q", "repo")
	o.says(t, "repo/overlays/prod/kustomization.yaml: this is a kustomization", "kubectl kustomize repo/overlays/prod | albatross check -")
	o.saysNot(t, "written again", "kubectl kustomize repo/base")
	inCase(t, name, "check", "repo/base").says(t, "host is web.example.com", "127.0.0.1:21101", "0 set aside, 0 warnings")
	if _, err := exec.LookPath("kubectl"); err != nil {
		t.Log("there is no kubectl: rendering is not tried")
		return
	}
	inCase(t, name, "check", "--render", "repo").says(t, "internet-facing", "host is prod.example.com", "0 set aside, 0 warnings")
}

// TestFileBeingWritten: the manifest stays in service while its file is empty, and is read when it is whole.
func TestFileBeingWritten(t *testing.T) {
	manifests, err := os.ReadFile(filepath.Join(caseFolder(t, "wire"), "07-manifest-being-written-takes-all-down", "manifest.yaml"))
	if err != nil {
		t.Skipf("the case is not here: %v", err)
	}
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "web.yaml")
		source := file.New([]string{path}, manifest.Options{})
		read := func(text []byte, want int) {
			t.Helper()
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			if u, err := source.Load(); err != nil || len(u.Config.LoadBalancers) != want || len(u.Config.TargetGroups) != want {
				t.Errorf("%d load balancers, %v", len(u.Config.LoadBalancers), err)
			}
		}
		read(manifests, 1)
		read(nil, 1)
		time.Sleep(time.Second) // of the test's own clock
		read(manifests[:len(manifests)/2], 1)
		time.Sleep(time.Second)
		read(manifests, 1)
		read(nil, 1)
		time.Sleep(source.Patience)
		read(nil, 0)
	})
}
