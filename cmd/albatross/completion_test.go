package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// completed are the lines for a command line whose last word is being written.
func completed(words ...string) string {
	var out, err strings.Builder
	Main(append([]string{completeWord}, words...), nil, &out, &err)
	return out.String() + err.String()
}

func TestCompleteWords(t *testing.T) {
	for _, c := range []struct {
		words []string
		want  string // the words, without what is behind a tab
	}{
		{[]string{"r"}, "run"},
		{[]string{"c"}, "check classify completion"},
		{[]string{"check", ""}, ":files"},
		{[]string{"check", "some.yaml", ""}, ":files"},
		{[]string{"classify", ""}, ":files"},
		{[]string{"classify", "one", ""}, ""},
		{[]string{"explain", ""}, ""},
		{[]string{"explain", "http://localhost/", ""}, ":files"},
		{[]string{"check", "--o"}, "--output"},
		{[]string{"check", "--output", ""}, "text json"},
		{[]string{"check", "-o", "j"}, "json"},
		{[]string{"check", "--output=j"}, "--output=json"},
		{[]string{"check", "--output", "="}, "text json"},
		{[]string{"check", "--output", "=", "t"}, "text"},
		{[]string{"check", "-q", ""}, ":files"},
		{[]string{"check", "--inventory", ""}, ":files"},
		{[]string{"check", "--no-such=", ""}, ":files"},
		{[]string{"check", "--", "--o"}, ":files"},
		{[]string{"run", "--state", ""}, ":files"},
		{[]string{"run", "--log-level", "w"}, "warn"},
		{[]string{"run", "--port-map", ""}, ""},
		{[]string{"run", "--acme-directory", "lets"}, "letsencrypt letsencrypt-staging"},
		{[]string{"explain", "-X", "P"}, "POST PUT PATCH"},
		{[]string{"completion", ""}, "bash zsh fish"},
		{[]string{"nothing", ""}, ""},
	} {
		var got []string
		for line := range strings.Lines(completed(c.words...)) {
			word, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			got = append(got, word)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q: %q, want %q", c.words, got, c.want)
		}
	}
}

// TestCompletionInShells asks real shells, where they are there, what they would offer.
func TestCompletionInShells(t *testing.T) {
	dir := t.TempDir()
	bin := filepath.Join(dir, "albatross")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bin, []byte("#!/bin/sh\nALBATROSS_COMPLETES=1 exec '"+self+"' \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"manifests.yaml", "man page.yaml"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	bash := `source <(albatross completion bash)
ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _albatross; printf '%s|' "${COMPREPLY[@]}"; echo; }
ask albatross che
ask albatross check --output ''
ask albatross check --output = j
ask albatross check man\ 
ask albatross check mani
complete -p albatross`
	zsh := `compdef() { print registered $2; }
_files() { print files; }
_describe() { eval 'print -l -- "${'$2'[@]}"'; }
source <(albatross completion zsh)
words=(albatross che); CURRENT=2; _albatross
words=(albatross check --output ''); CURRENT=4; _albatross
words=(albatross check ''); CURRENT=3; _albatross
true`
	fish := `albatross completion fish | source
complete -C 'albatross che'
complete -C 'albatross check --output '
complete -C 'albatross check --output=j'
complete -C 'albatross check manif'`
	for _, c := range []struct{ shell, script, want string }{
		{"bash", bash, "check|\ntext|json|\njson|\nman page.yaml|\nmanifests.yaml|\ncomplete -F _albatross albatross\n"},
		{"zsh", zsh, "registered albatross\ncheck:Load and validate; print what every listener, rule and target group will do.\ntext\njson\nfiles\n"},
		{"fish", fish, "check\tLoad and validate; print what every listener, rule and target group will do.\njson\ntext\n--output=json\nmanifests.yaml"},
	} {
		t.Run(c.shell, func(t *testing.T) {
			shell, err := exec.LookPath(c.shell)
			if err != nil {
				t.Skip("there is no " + c.shell + " here")
			}
			command := exec.Command(shell, "-c", c.script)
			if c.shell == "zsh" {
				command.Args = []string{shell, "-f", "-c", c.script}
			}
			command.Dir, command.Env = dir, append(os.Environ(), "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"), "HOME="+dir)
			out, err := command.CombinedOutput()
			if err != nil || !strings.HasPrefix(string(out), c.want) {
				t.Errorf("%v; offered is\n%swant\n%s", err, out, c.want)
			}
		})
	}
}

// TestMain lets this test stand in for the program, for the shells that ask it.
func TestMain(m *testing.M) {
	if os.Getenv("ALBATROSS_COMPLETES") != "" {
		main()
	}
	os.Exit(m.Run())
}
