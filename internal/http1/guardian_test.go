package http1

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestGuardian: random requests are graded as the library grades them that AWS names behind ALB's modes.
func TestGuardian(t *testing.T) {
	text, err := os.ReadFile("testdata/guardian.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		want, rest, _ := strings.Cut(line, "\t")
		var parts [][]byte
		for quoted := range strings.SplitSeq(rest, "\t") {
			part, err := strconv.Unquote(quoted)
			if err != nil {
				t.Fatalf("%s: %v", quoted, err)
			}
			parts = append(parts, []byte(part))
		}
		var fields []HeaderLine
		for i := 3; i+1 < len(parts); i += 2 {
			fields = append(fields, HeaderLine{parts[i], parts[i+1]})
		}
		got := ClassifyRequest(parts[0], parts[1], parts[2], fields)
		if got.Tier.String()+" "+got.Reason.String() != want {
			t.Errorf("%s: %v %v, want %s", rest, got.Tier, got.Reason, want)
		}
	}
}
