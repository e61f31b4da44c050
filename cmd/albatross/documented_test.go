package main

import (
	"os"
	"strings"
	"testing"
)

// TestDocumentedOutput runs every `$ albatross ...` of these pages, in the project's root,
// and compares what it prints with what stands there. UPDATE=1 writes it there.
func TestDocumentedOutput(t *testing.T) {
	t.Chdir("../..")
	for page, least := range map[string]int{"docs/check.md": 5, "docs/manifests.md": 1} {
		documented(t, page, least)
	}
}

// documented looks at one page, which has at least so many commands.
func documented(t *testing.T, page string, least int) {
	t.Helper()
	before, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	after, commands := withOutputs(string(before))
	if commands < least {
		t.Errorf("only %d commands were found in %s", commands, page)
	}
	if after == string(before) {
		return
	}
	if os.Getenv("UPDATE") == "" {
		t.Errorf("%s does not have what the commands print (UPDATE=1 writes it):\n%s", page, after)
		return
	}
	if err := os.WriteFile(page, []byte(after), 0o644); err != nil {
		t.Fatal(err)
	}
}

const margin = "    "

// withOutputs gives a page with the output behind each of its commands.
func withOutputs(page string) (string, int) {
	var out strings.Builder
	commands, skipping := 0, false
	for line := range strings.Lines(page) {
		command, isCommand := strings.CutPrefix(line, margin+"$ albatross ")
		blank := strings.TrimSpace(line) == ""
		if skipping && !isCommand && (blank || strings.HasPrefix(line, margin)) {
			continue // the output as it was
		}
		if skipping && !isCommand {
			skipping = false
		}
		out.WriteString(line)
		if isCommand {
			commands++
			skipping = true
			var printed, failed strings.Builder
			Main(words(command), nil, &printed, &failed)
			for text := range strings.Lines(failed.String() + strings.TrimRight(printed.String(), "\n") + "\n") {
				out.WriteString(strings.TrimRight(margin+text, " \n") + "\n")
			}
			out.WriteString("\n")
		}
	}
	return out.String(), commands
}

// words parts a command line at its spaces, outside of single quotes.
func words(line string) (all []string) {
	for i, part := range strings.Split(strings.TrimSpace(line), "'") {
		if i%2 == 1 {
			all = append(all, part)
		} else {
			all = append(all, strings.Fields(part)...)
		}
	}
	return all
}
