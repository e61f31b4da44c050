package file

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestAFileThatIsBeingWritten: what it served stays until the file is whole, or has been as it is for long.
func TestAFileThatIsBeingWritten(t *testing.T) {
	whole := objects("a", "b", "c")
	type step struct {
		after time.Duration
		text  string
		want  string
	}
	for name, steps := range map[string][]step{
		"emptied, then written":    {{0, "", "a b c"}, {4 * time.Second, "", "a b c"}, {0, whole, "a b c"}},
		"emptied, then slowly":     {{0, "", "a b c"}, {4 * time.Second, objects("a"), "a b c"}, {4 * time.Second, objects("a", "b"), "a b c"}, {4 * time.Second, objects("a", "b", "c", "d"), "a b c d"}},
		"emptied for good":         {{0, "", "a b c"}, {4 * time.Second, "", "a b c"}, {time.Second, "", ""}, {0, objects("x"), "x"}},
		"a comment for good":       {{0, "# gone\n", "a b c"}, {5 * time.Second, "# gone\n", ""}},
		"a prefix":                 {{0, whole[:len(whole)-9], "a b c"}, {time.Second, whole, "a b c"}},
		"another, slowly":          {{0, objects("u"), "a b c"}, {time.Second, objects("u", "v"), "a b c"}, {time.Second, objects("u", "v", "w"), "u v w"}},
		"within a document":        {{0, objects("u", "v", "w")[:115], "a b c"}, {time.Second, objects("u", "v", "w"), "u v w"}},
		"broken in the middle":     {{0, objects("u", "v", "w") + "---\na: [", "a b c"}, {time.Minute, objects("u", "v", "w"), "u v w"}},
		"one object less for good": {{0, objects("a", "c"), "a b c"}, {5 * time.Second, objects("a", "c"), "a c"}},
		"an edit":                  {{0, objects("a", "b", "d"), "a b d"}, {0, strings.ReplaceAll(whole, " {}", "\n"), "a b c"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "a.yaml")
				write(t, file, whole)
				s := newSource([]string{file}, names)
				load(t, s)
				for i, step := range steps {
					time.Sleep(step.after) // of the test's own clock
					write(t, file, step.text)
					s.refresh(nothing, time.Now(), true)
					if got := served(s.update()); got != step.want {
						t.Fatalf("step %d: served %q, want %q", i, got, step.want)
					}
				}
			})
		})
	}
}

// TestWhatIsRenamedOntoAFileIsWhole, however much less it is.
func TestWhatIsRenamedOntoAFileIsWhole(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.yaml")
	write(t, file, objects("a", "b", "c"))
	s := newSource([]string{dir}, names)
	load(t, s)
	for _, names := range [][]string{{"a"}, {}, {"b", "c"}} {
		write(t, filepath.Join(dir, "new"), objects(names...))
		do(t, os.Rename(filepath.Join(dir, "new"), file))
		s.refresh(nothing, time.Now(), true)
		if got := served(s.update()); got != strings.Join(names, " ") {
			t.Errorf("served %q, want %q", got, names)
		}
	}
}

// TestAFileThatIsGoneForAMoment is written again by its editor; its neighbours change meanwhile.
func TestAFileThatIsGoneForAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		a, b := filepath.Join(dir, "a.yaml"), filepath.Join(dir, "b.yaml")
		write(t, a, objects("a"))
		write(t, b, objects("b"))
		s := newSource([]string{dir}, names)
		load(t, s)
		look := func(want string) {
			t.Helper()
			if s.refresh(nothing, time.Now(), true); served(s.update()) != want {
				t.Errorf("served %q, want %q", served(s.update()), want)
			}
		}
		do(t, os.Remove(a))
		look("a b")
		write(t, b, objects("b", "c"))
		time.Sleep(900 * time.Millisecond)
		look("a b c")
		write(t, a, objects("a2"))
		look("a2 b c")
		do(t, os.Remove(a))
		look("a2 b c")
		time.Sleep(time.Second)
		look("b c")
		do(t, os.Rename(b, filepath.Join(dir, "d.yaml")))
		look("b c") // each once
	})
}

// TestAnEmptiedFileIsTakenAtItsTime without another notice.
func TestAnEmptiedFileIsTakenAtItsTime(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.yaml")
	write(t, file, objects("a", "b"))
	s := unhurried(file)
	s.Grace, s.Patience = time.Millisecond, 20*time.Millisecond
	r := start(t, s)
	r.until("a b")
	write(t, file, "")
	r.until("")
}

func TestStreams(t *testing.T) {
	s := newSource([]string{Stdin, Stdin}, names)
	s.Stdin = strings.NewReader(objects("a") + "---\n" + broken)
	u := load(t, s)
	if served(u) != "a" || len(u.Problems) != 1 || u.Problems[0].Origin.File != "<stdin>" || u.Problems[0].Origin.Line != 8 {
		t.Errorf("served %q, problems %v", served(u), u.Problems)
	}
	if s.refresh(nothing, time.Now(), true); served(s.update()) != "a" {
		t.Errorf("served %q later", served(s.update()))
	}
	if data, err := s.ReadFile("<stdin>"); err != nil || !strings.Contains(string(data), "name: a") {
		t.Errorf("read %q, %v", data, err)
	}
	for _, nothing := range []string{"", "# nothing\n"} {
		s = newSource([]string{Stdin}, names)
		s.Stdin = strings.NewReader(nothing)
		if u := load(t, s); len(u.Problems) != 1 || !strings.Contains(u.Problems[0].String(), "<stdin>: there is nothing in it") {
			t.Errorf("problems %v", u.Problems)
		}
	}
}
