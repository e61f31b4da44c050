package main

import (
	"strings"
	"testing"
)

func TestByteSize(t *testing.T) {
	for text, want := range map[string]byteSize{
		"0": 0, "4096": 4096, "1GiB": 1 << 30, "1gib": 1 << 30, "500MB": 500_000_000, "1.5 KiB": 1536, "2TB": 2_000_000_000_000, "7B": 7,
	} {
		var got byteSize
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q: %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "GiB", "-1", "1G", "1iB", "1 GiB more", "NaN", "Inf", "1e30", "9e18B x", "10000000TiB"} {
		var got byteSize
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q: %d", text, got)
		}
	}
}

// What flags about log files cannot mean ends the command before anything is served.
func TestLogFlags(t *testing.T) {
	for flag, want := range map[string]string{
		"--log-retention=-1h": "-1h0m0s is negative",
		"--log-retention=7d":  "7d",
		"--log-max-size=2GG":  `"2GG" is not a size`,
	} {
		var out, problems strings.Builder
		if code := Main([]string{"run", flag, t.TempDir()}, strings.NewReader(""), &out, &problems); code != 2 || !strings.Contains(problems.String(), want) {
			t.Errorf("%s: exit code %d, %s", flag, code, problems.String())
		}
	}
}
