package manifest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAcceptance reads the documents' own manifests, if they are beside the
// repository: nothing of them is set aside.
func TestAcceptance(t *testing.T) {
	files, _ := filepath.Glob("../../../shared/acceptance/*.yaml")
	if len(files) == 0 {
		t.Skip("the acceptance manifests are not beside the repository")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		objects, problems := Parse(filepath.Base(file), text)
		cfg := Build(objects, Options{})
		checkWhole(t, cfg)
		if len(problems)+len(cfg.SetAside) > 0 {
			t.Errorf("%s: %v %v", file, problems, cfg.SetAside)
		}
		if wants := !strings.HasPrefix(filepath.Base(file), "servicemonitor"); wants != (len(cfg.LoadBalancers) == 1) {
			t.Errorf("%s: %d load balancers", file, len(cfg.LoadBalancers))
		}
	}
}
