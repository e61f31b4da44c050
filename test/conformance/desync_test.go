package conformance_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/albatross-lb/albatross/internal/http1"
)

// desyncCase is a request and the grade that AWS's desync mitigation gives it.
type desyncCase struct {
	Name    string
	Method  string
	URI     string
	Version string
	Headers []struct{ Name, Value string }

	Expected struct{ Tier, Reason string }
}

// TestDesync grades every request of the conformance folder.
func TestDesync(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(desyncFolder(), "*.yaml"))
	if len(files) == 0 {
		t.Skipf("no cases in %s; set ALBATROSS_CONFORMANCE to the folder that has desync/", desyncFolder())
	}
	total, equal := 0, 0
	for _, file := range files {
		for _, c := range readDesync(t, file) {
			total++
			if got := c.grade(); got.Tier.String() == c.Expected.Tier && got.Reason.String() == c.Expected.Reason {
				equal++
			} else {
				t.Errorf("%s: %q is %v %v, want %s %s", filepath.Base(file), c.Name, got.Tier, got.Reason, c.Expected.Tier, c.Expected.Reason)
			}
		}
	}
	fmt.Printf("desync: %d of %d equal\n", equal, total)
}

// TestDesyncRaw writes every request of the folder as it would come over the wire
// and grades that: cutting up a head must not hide what is wrong with it. Parts that a
// request line cannot hold, since they end it or divide it, are left out.
func TestDesyncRaw(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(desyncFolder(), "*.yaml"))
	if len(files) == 0 {
		t.Skipf("no cases in %s; set ALBATROSS_CONFORMANCE to the folder that has desync/", desyncFolder())
	}
	for _, file := range files {
		for _, c := range readDesync(t, file) {
			if !c.writable() {
				continue
			}
			if got := http1.ClassifyRaw(c.raw()); got.Tier.String() != c.Expected.Tier || got.Reason.String() != c.Expected.Reason {
				t.Errorf("%s: %q is %v %v, want %s %s", filepath.Base(file), c.Name, got.Tier, got.Reason, c.Expected.Tier, c.Expected.Reason)
			}
		}
	}
}

// desyncFolder is desync/ in ALBATROSS_CONFORMANCE, which is ../shared/conformance
// unless set. A relative folder counts from the root of the repository.
func desyncFolder() string {
	root := os.Getenv("ALBATROSS_CONFORMANCE")
	if root == "" {
		root = filepath.Join("..", "shared", "conformance")
	}
	if !filepath.IsAbs(root) {
		root = filepath.Join("..", "..", root)
	}
	return filepath.Join(root, "desync")
}

func readDesync(t *testing.T, file string) (cases []desyncCase) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &cases); err != nil {
		t.Fatalf("reading the cases of %s: %v", file, err)
	}
	return cases
}

func (c *desyncCase) grade() http1.Classification {
	var lines []http1.HeaderLine
	for _, h := range c.Headers {
		lines = append(lines, http1.HeaderLine{Name: []byte(h.Name), Value: []byte(h.Value)})
	}
	return http1.ClassifyRequest([]byte(c.Method), []byte(c.URI), []byte(c.Version), lines)
}

// writable: the request line, once written, has these parts again.
func (c *desyncCase) writable() bool {
	return !strings.Contains(c.Method+c.URI+c.Version, "\n") && !strings.Contains(strings.Trim(c.Version, " "), " ")
}

func (c *desyncCase) raw() []byte {
	raw := fmt.Appendf(nil, "%s %s %s\r\n", c.Method, c.URI, c.Version)
	for _, h := range c.Headers {
		raw = fmt.Appendf(raw, "%s: %s\r\n", h.Name, h.Value)
	}
	return append(raw, "\r\n"...)
}
