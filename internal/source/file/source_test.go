package file

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/albatross-lb/albatross/internal/control"
	"github.com/albatross-lb/albatross/internal/manifest"
	"github.com/albatross-lb/albatross/lb"
)

// names makes a Config that has a load balancer named after each object.
func names(objects []manifest.Object) *lb.Config {
	cfg := &lb.Config{}
	for _, o := range objects {
		cfg.LoadBalancers = append(cfg.LoadBalancers, &lb.LoadBalancer{Key: o.Origin.Name, Origin: o.Origin})
	}
	return cfg
}

// served are the names of the objects of an update, in its order.
func served(u control.Update) string {
	var list []string
	for _, b := range u.Config.LoadBalancers {
		list = append(list, b.Key)
	}
	return strings.Join(list, " ")
}

// objects is a manifest of Services of these names.
func objects(names ...string) string {
	var b strings.Builder
	for _, n := range names {
		fmt.Fprintf(&b, "---\napiVersion: v1\nkind: Service\nmetadata: {name: %s}\nspec: {}\n", n)
	}
	return b.String()
}

// broken is no YAML on its second line.
const broken = "a: 1\nb: [\n"

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func do(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func load(t *testing.T, s *Source) control.Update {
	t.Helper()
	u, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestLoadReadsManifestsInTheOrderOfTheirNames(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "b.yaml"), objects("b1", "b2"))
	write(t, filepath.Join(dir, "a.yml"), objects("a"))
	write(t, filepath.Join(dir, "sub", "deep", "c.json"), `{"apiVersion":"v1","kind":"Service","metadata":{"name":"c"}}`)
	write(t, filepath.Join(dir, "notes.txt"), objects("no"))
	write(t, filepath.Join(dir, ".hidden.yaml"), objects("no"))
	write(t, filepath.Join(dir, ".git", "x.yaml"), objects("no"))
	u := load(t, newSource([]string{dir}, names))
	if got, want := served(u), "a b1 b2 c"; got != want {
		t.Errorf("served %q, want %q", got, want)
	}
	if u.Origin != Origin || len(u.Problems) != 0 {
		t.Errorf("origin %q, problems %v", u.Origin, u.Problems)
	}
	if o := u.Config.LoadBalancers[2].Origin; o.File != filepath.Join(dir, "b.yaml") || o.Line == 0 {
		t.Errorf("origin of the third is %+v", o)
	}
}

func TestAFileNamedTwiceIsReadOnce(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, "a.yaml", objects("a"))
	write(t, "other.txt", objects("other"))
	do(t, os.Mkdir("sub", 0o755))
	do(t, os.Symlink("..", filepath.Join("sub", "loop")))
	if got, want := served(load(t, newSource([]string{".", "a.yaml", "./", "other.txt"}, names))), "a other"; got != want {
		t.Errorf("served %q, want %q: a file named by itself is read whatever its name", got, want)
	}
}

func TestLoadRefusesAPathThatDoesNotExist(t *testing.T) {
	for _, paths := range [][]string{{"nowhere.yaml"}, {}} {
		if _, err := newSource(paths, names).Load(); err == nil {
			t.Errorf("loading %v went well", paths)
		} else if len(paths) > 0 && !strings.Contains(err.Error(), "nowhere.yaml: no such file") {
			t.Errorf("error %q", err)
		}
	}
}

func TestABrokenDocumentAtFirstLeavesTheOthers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.yaml")
	write(t, file, objects("a")+"---\n"+broken+objects("b"))
	u := load(t, newSource([]string{file}, names))
	if got := served(u); got != "a b" {
		t.Errorf("served %q, want the good documents", got)
	}
	if len(u.Problems) != 1 || u.Problems[0].Origin.File != file || u.Problems[0].Origin.Line < 7 {
		t.Errorf("problems %v", u.Problems)
	}
}

func TestBounds(t *testing.T) {
	dir := t.TempDir()
	for i := range 4 {
		write(t, filepath.Join(dir, fmt.Sprintf("%d.yaml", i)), objects(fmt.Sprintf("s%d", i)))
	}
	write(t, filepath.Join(dir, "1.yaml"), objects("big")+strings.Repeat("#", 1000))
	s := newSource([]string{dir}, names)
	s.MaxFileBytes, s.MaxFiles = 1000, 3
	u := load(t, s)
	if got := served(u); got != "s0 s2" {
		t.Errorf("served %q", got)
	}
	if len(u.Problems) != 2 || !strings.Contains(u.Problems[0].Text, "there are 4 files") || !strings.Contains(u.Problems[1].Text, "larger than 1000 bytes") {
		t.Errorf("problems %v", u.Problems)
	}
}

func TestAPanicOfTheBuilderLeavesWhatIsServed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.yaml")
	write(t, file, objects("a"))
	s := newSource([]string{file}, func(o []manifest.Object) *lb.Config {
		if o[0].Origin.Name == "bad" {
			panic("no")
		}
		return names(o)
	})
	s.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	load(t, s)
	write(t, file, objects("bad"))
	u := load(t, s)
	if served(u) != "a" || len(u.Problems) != 1 {
		t.Errorf("served %q, problems %v", served(u), u.Problems)
	}
}

func TestDebounce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const quiet, ceiling = 25 * time.Millisecond, 80 * time.Millisecond
		start := time.Now()
		var d debounce
		for _, c := range []struct{ after, want time.Duration }{
			{0, quiet}, {10 * time.Millisecond, 35 * time.Millisecond}, {50 * time.Millisecond, 75 * time.Millisecond},
			{60 * time.Millisecond, ceiling}, {200 * time.Millisecond, ceiling},
		} {
			if got := d.add(start.Add(c.after), quiet, ceiling).Sub(start); got != c.want {
				t.Errorf("at %v: look at %v, want %v", c.after, got, c.want)
			}
		}
	})
}

// running is a Source that runs on real files.
type running struct {
	t       *testing.T
	updates chan control.Update
	last    control.Update
}

func start(t *testing.T, s *Source) *running {
	t.Helper()
	r := &running{t: t, updates: make(chan control.Update, 100)}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := s.Run(ctx, func(u control.Update) { r.updates <- u }); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); done.Wait() })
	return r
}

// until waits for an update that serves exactly want, and fails on one that serves
// neither that nor what came before.
func (r *running) until(want string) control.Update {
	r.t.Helper()
	before := ""
	if r.last.Config != nil {
		before = served(r.last)
	}
	return r.expect(func(u control.Update) bool { return served(u) == want }, func(u control.Update) bool { return served(u) == before }, want)
}

// untilProblem waits for an update that serves what is served and has a problem with
// text in it, or none for "".
func (r *running) untilProblem(text string) control.Update {
	r.t.Helper()
	want := served(r.last)
	same := func(u control.Update) bool { return served(u) == want }
	return r.expect(func(u control.Update) bool {
		if text == "" {
			return same(u) && len(u.Problems) == 0
		}
		return same(u) && slices.ContainsFunc(u.Problems, func(p lb.Problem) bool { return strings.Contains(p.String(), text) })
	}, same, "problem "+text)
}

func (r *running) expect(wanted, allowed func(control.Update) bool, what string) control.Update {
	r.t.Helper()
	deadline := time.After(time.Minute)
	for {
		select {
		case u := <-r.updates:
			if wanted(u) {
				r.last = u
				return u
			}
			if !allowed(u) {
				r.t.Fatalf("an update serves %q on the way to %q (problems %v)", served(u), what, u.Problems)
			}
		case <-deadline:
			r.t.Fatalf("no update: want %q, last %q", what, served(r.last))
		}
	}
}

func TestChangesAreSeen(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.yaml"), filepath.Join(dir, "b.yaml")
	write(t, a, objects("a1"))
	r := start(t, unhurried(dir))
	r.until("a1")
	write(t, a, objects("a2"))
	r.until("a2")
	write(t, b, objects("b1"))
	r.until("a2 b1")
	do(t, os.Remove(a))
	r.until("b1")
	write(t, filepath.Join(dir, "new", "folder", "c.yaml"), objects("c1"))
	r.until("b1 c1")
	write(t, filepath.Join(dir, "new", "folder", "c.yaml"), objects("c2"))
	r.until("b1 c2")
	do(t, os.RemoveAll(filepath.Join(dir, "new")))
	r.until("b1")
}

// unhurried does not walk by itself within a test, so that only notices count, and
// gives a test that is held up between two steps the time to make the second.
func unhurried(paths ...string) *Source {
	s := newSource(paths, names)
	s.Rescan, s.Grace = time.Hour, 2*time.Second
	s.Patience, s.Absence = 0, 0
	return s
}

func TestAnAtomicRenameIsOneChange(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.yaml")
	write(t, file, objects("v0"))
	for name, s := range map[string]*Source{"folder": unhurried(dir), "file": unhurried(file)} {
		t.Run(name, func(t *testing.T) {
			write(t, file, objects("v0"))
			r := start(t, s)
			r.until("v0")
			for i := 1; i <= 3; i++ {
				write(t, filepath.Join(dir, ".a.yaml.swp"), objects(fmt.Sprintf("v%d", i)))
				do(t, os.Rename(filepath.Join(dir, ".a.yaml.swp"), file))
				r.until(fmt.Sprintf("v%d", i))
			}
		})
	}
}

// Editors that keep a backup move the file away and write it again: the objects must
// not be gone in between.
func TestAFileThatIsMovedAwayAndWrittenAgainStays(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.yaml")
	write(t, file, objects("a", "b"))
	s := unhurried(dir)
	s.Grace = time.Hour // however long the machine takes from the move to the write
	r := start(t, s)
	r.until("a b")
	for i := range 3 {
		do(t, os.Rename(file, file+"~"))
		write(t, file, objects("a", fmt.Sprintf("c%d", i)))
		r.until(fmt.Sprintf("a c%d", i))
	}
}

func TestAFileThatIsRenamedIsOneChange(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.yaml")
	write(t, file, objects("a", "b"))
	r := start(t, unhurried(dir))
	r.until("a b")
	do(t, os.Rename(file, filepath.Join(dir, "z.yaml")))
	u := r.expect(func(u control.Update) bool {
		return u.Config.LoadBalancers[0].Origin.File == filepath.Join(dir, "z.yaml")
	},
		func(u control.Update) bool { return served(u) == "a b" }, "the new name")
	if got := served(u); got != "a b" {
		t.Errorf("after a rename served %q, want each object once", got)
	}
}

func TestAFileWrittenInTwoStepsIsOneChange(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.yaml")
	write(t, file, objects("a", "b", "c"))
	s := newSource([]string{file}, names)
	s.Grace = time.Hour
	load(t, s)
	for _, half := range []string{"", objects("a", "b")} {
		write(t, file, half)
		if changed, waiting := s.refresh(nothing, time.Now(), false); changed || !waiting || served(s.update()) != "a b c" {
			t.Errorf("with the file half written: changed %v, waiting %v, served %q", changed, waiting, served(s.update()))
		}
	}
	write(t, file, objects("a", "b", "c", "d"))
	if changed, waiting := s.refresh(nothing, time.Now(), false); !changed || waiting || served(s.update()) != "a b c d" {
		t.Errorf("with the file written: changed %v, waiting %v, served %q", changed, waiting, served(s.update()))
	}
}

func TestAFileThatIsGoneMayReappear(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.yaml")
	write(t, file, objects("a"))
	s := newSource([]string{filepath.Dir(file)}, names)
	s.Grace, s.Absence = time.Hour, 0
	load(t, s)
	do(t, os.Remove(file))
	if changed, waiting := s.refresh(nothing, time.Now(), false); changed || !waiting || served(s.update()) != "a" {
		t.Errorf("just gone: changed %v, waiting %v, served %q", changed, waiting, served(s.update()))
	}
	if changed, waiting := s.refresh(nothing, time.Now(), true); !changed || waiting || served(s.update()) != "" {
		t.Errorf("gone for good: changed %v, waiting %v, served %q", changed, waiting, served(s.update()))
	}
}

// A file that vanishes between the walk and the reading is no error: its removal is seen by the next walk.
func TestAFileThatVanishesBeforeItIsReadIsNoProblem(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.yaml")
	write(t, file, objects("a"))
	write(t, filepath.Join(dir, "b.yaml"), objects("b"))
	s := newSource([]string{dir}, names)
	s.Absence = 0
	load(t, s)
	at := s.list(nothing).files[0]
	do(t, os.Remove(file))
	if f := s.files[file]; !s.read(f, at, true, true) || len(f.problems) > 0 || len(f.objects) != 1 {
		t.Errorf("problems %v, %d objects", f.problems, len(f.objects))
	}
	if s.refresh(nothing, time.Now(), true); served(s.update()) != "b" || len(s.update().Problems) > 0 {
		t.Errorf("served %q, problems %v", served(s.update()), s.update().Problems)
	}
}

// Two writes within one tick of the file system's clock have the same time.
func TestAFileOfTheSameTimeAndSizeIsReadAgainWhileItIsFresh(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.yaml")
	write(t, file, objects("a"))
	s := newSource([]string{file}, names)
	load(t, s)
	info, err := os.Stat(file)
	do(t, err)
	write(t, file, objects("b"))
	do(t, os.Chtimes(file, time.Time{}, info.ModTime()))
	if s.refresh(nothing, time.Now(), true); served(s.update()) != "b" {
		t.Errorf("served %q, want the second write", served(s.update()))
	}
}

func TestAnEmptiedFileServesNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.yaml")
	write(t, file, objects("a", "b", "c"))
	r := start(t, unhurried(file))
	r.until("a b c")
	write(t, file, "")
	r.until("")
}

func TestABrokenFileLeavesWhatItServed(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.yaml"), filepath.Join(dir, "b.yaml")
	write(t, a, objects("a1", "a2"))
	write(t, b, objects("b1"))
	r := start(t, unhurried(dir))
	r.until("a1 a2 b1")
	write(t, a, objects("a3")+"---\n"+broken)
	u := r.untilProblem("a.yaml:")
	if p := u.Problems[0]; p.Origin.File != a || p.Origin.Line < 7 {
		t.Errorf("problem at %+v, want the line of the mistake", p.Origin)
	}
	write(t, b, objects("b2"))
	if u := r.until("a1 a2 b2"); len(u.Problems) != 1 {
		t.Errorf("problems %v, want that of a.yaml still", u.Problems)
	}
	write(t, a, objects("a3"))
	if u := r.until("a3 b2"); len(u.Problems) != 0 {
		t.Errorf("problems %v after the repair", u.Problems)
	}
	write(t, a, broken)
	r.untilProblem("a.yaml:")
	write(t, a, objects("a3"))
	r.untilProblem("")
}

// A ConfigMap mount: data.yaml -> ..data/data.yaml, ..data -> ..<time>, and the
// kubelet swaps ..data by a rename.
func TestTheSwapOfAConfigMapMountIsOneChange(t *testing.T) {
	for name, path := range map[string]func(dir string) string{
		"folder": func(dir string) string { return dir },
		"file":   func(dir string) string { return filepath.Join(dir, "data.yaml") },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			swap := func(version, text string) {
				write(t, filepath.Join(dir, version, "data.yaml"), text)
				do(t, os.Symlink(version, filepath.Join(dir, "..data_tmp")))
				do(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
			}
			swap("..1", objects("v1"))
			do(t, os.Symlink(filepath.Join("..data", "data.yaml"), filepath.Join(dir, "data.yaml")))
			r := start(t, unhurried(path(dir)))
			r.until("v1")
			swap("..2", objects("v2"))
			do(t, os.RemoveAll(filepath.Join(dir, "..1")))
			r.until("v2")
			swap("..3", objects("v3"))
			r.until("v3")
		})
	}
}

func TestASymlinkedFolderIsSwapped(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "one", "a.yaml"), objects("one"))
	write(t, filepath.Join(dir, "two", "a.yaml"), objects("two"))
	link := filepath.Join(dir, "current")
	do(t, os.Symlink("one", link))
	r := start(t, unhurried(link))
	r.until("one")
	do(t, os.Symlink("two", link+".tmp"))
	do(t, os.Rename(link+".tmp", link))
	r.until("two")
	write(t, filepath.Join(dir, "two", "a.yaml"), objects("two2"))
	r.until("two2")
	write(t, filepath.Join(dir, "two", "b.yaml"), objects("b"))
	r.until("two2 b")
}

func TestAFolderThatIsGoneAsAWholeStays(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mount")
	write(t, filepath.Join(dir, "a.yaml"), objects("a"))
	r := start(t, unhurried(dir))
	r.until("a")
	do(t, os.Rename(dir, dir+".away"))
	r.untilProblem("no such file or directory; what was read there before is still served")
	write(t, filepath.Join(dir, "a.yaml"), objects("a", "b"))
	if u := r.until("a b"); len(u.Problems) != 0 {
		t.Errorf("problems %v with the folder back", u.Problems)
	}
	write(t, filepath.Join(dir, "a.yaml"), objects("c"))
	r.until("c")
}

func TestADanglingLinkLeavesWhatItServed(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	real := filepath.Join(elsewhere, "real.yaml")
	write(t, real, objects("a"))
	do(t, os.Symlink(real, filepath.Join(dir, "a.yaml")))
	r := start(t, unhurried(dir))
	r.until("a")
	do(t, os.Remove(real))
	r.untilProblem("what was read there before is still served")
	write(t, real, objects("b"))
	r.until("b")
}

// Without notices the walk alone finds every change.
func TestWithoutNoticesTheFilesAreLookedAt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.yaml")
	write(t, file, objects("a"))
	s := newSource([]string{file}, names)
	w := &watch{log: slog.New(slog.NewTextHandler(io.Discard, nil)), changed: map[string]bool{}}
	if !w.blind() || s.pause(w) != blindPause {
		t.Fatalf("pause %v, want %v", s.pause(w), blindPause)
	}
	s.refresh(w, time.Now(), true)
	for _, name := range []string{"b", "c", "d"} { // of the same size, within one tick of the clock
		write(t, file, objects(name))
		changed, _ := s.refresh(w, time.Now(), true)
		if got := served(s.update()); got != name || !changed {
			t.Errorf("served %q (changed %v), want %q", got, changed, name)
		}
	}
	if changed, waiting := s.refresh(w, time.Now(), false); changed || waiting {
		t.Errorf("changed %v, waiting %v with nothing new", changed, waiting)
	}
}

func TestAnEditIsSentWithinATenthOfASecond(t *testing.T) {
	if testing.Short() {
		t.Skip("measures time")
	}
	dir := t.TempDir()
	for i := range 100 {
		write(t, filepath.Join(dir, fmt.Sprintf("f%03d.yaml", i)), objects(fmt.Sprintf("s%03d", i)))
	}
	r := start(t, unhurried(dir))
	<-r.updates
	var took []time.Duration
	for i := 0; i < 9 || slices.Min(took) > 100*time.Millisecond && i < 200; i++ {
		began := time.Now()
		write(t, filepath.Join(dir, "f050.yaml"), objects(fmt.Sprintf("edit%d", i)))
		u := <-r.updates
		took = append(took, time.Since(began))
		if !strings.Contains(served(u), fmt.Sprintf("edit%d", i)) {
			t.Fatalf("update %d does not have the edit", i)
		}
	}
	slices.Sort(took)
	t.Logf("edit to update: median %v, worst %v", took[len(took)/2], took[len(took)-1])
	if took[0] > 100*time.Millisecond { // the best, since the machine may have other work
		t.Errorf("the fastest took %v, want at most 100 ms", took[0])
	}
}

func TestOnlyNoticesOfManifestsConcern(t *testing.T) {
	dir := t.TempDir()
	do(t, os.Mkdir(filepath.Join(dir, "folder"), 0o755))
	write(t, filepath.Join(dir, "draft"), "")
	w := &watch{changed: map[string]bool{}, folders: map[string]bool{"/m": true, "/m/known": true, dir: true, "/etc": false},
		names: map[string]bool{"/etc/a.yaml": true, "/m/link": true}}
	for _, c := range []struct {
		name  string
		op    fsnotify.Op
		want  bool
		dirty bool
	}{
		{"/m/a.yaml", fsnotify.Write, true, true},
		{"/m/a.yaml", fsnotify.Chmod, true, true},
		{"/m/a.yaml", fsnotify.Remove, true, true},
		{dir + "/folder", fsnotify.Create, true, false},
		{dir + "/draft", fsnotify.Create, false, false},
		{dir + "/gone", fsnotify.Create, false, false},
		{"/m/draft", fsnotify.Rename, false, false},
		{"/m/known", fsnotify.Remove, true, false},
		{"/m/link", fsnotify.Remove, true, true},
		{"/m/access.log", fsnotify.Write, false, false},
		{"/m/.a.yaml.swp", fsnotify.Create, false, false},
		{"/m/..data", fsnotify.Create, true, false},
		{"/etc/a.yaml", fsnotify.Write, true, true},
		{"/etc/..data", fsnotify.Create, true, false},
		{"/etc/b.yaml", fsnotify.Write, false, false},
		{"/etc/passwd", fsnotify.Create, false, false},
	} {
		w.clean()
		if got := w.concerns(fsnotify.Event{Name: c.name, Op: c.op}); got != c.want || w.dirty(c.name) != c.dirty {
			t.Errorf("%s %s: concerns %v, dirty %v; want %v, %v", c.op, c.name, got, w.dirty(c.name), c.want, c.dirty)
		}
	}
}

// What is known and was written or replaced is looked at alone; for all else the paths are walked.
func TestFilesThatAreKnownNeedNoWalk(t *testing.T) {
	known := fsnotify.Event{Name: "/m/a.yaml", Op: fsnotify.Write}
	for _, c := range []struct {
		name   string
		events []fsnotify.Event
		alone  bool
	}{
		{"nothing", nil, false},
		{"written", []fsnotify.Event{known, {Name: "/m/b.yaml", Op: fsnotify.Create}}, true},
		{"by way of a draft", []fsnotify.Event{{Name: "/m/a.yaml.new", Op: fsnotify.Create}, {Name: "/m/a.yaml.new", Op: fsnotify.Rename}, known}, true},
		{"a new file", []fsnotify.Event{known, {Name: "/m/c.yaml", Op: fsnotify.Create}}, false},
		{"gone", []fsnotify.Event{known, {Name: "/m/b.yaml", Op: fsnotify.Remove}}, false},
		{"a folder is gone", []fsnotify.Event{known, {Name: "/m", Op: fsnotify.Rename}}, false},
		{"a ConfigMap", []fsnotify.Event{known, {Name: "/m/..data", Op: fsnotify.Create}}, false},
	} {
		w := &watch{changed: map[string]bool{}, folders: map[string]bool{"/m": true}, names: map[string]bool{"/m/a.yaml": true, "/m/b.yaml": true}}
		for _, e := range c.events {
			w.concerns(e)
		}
		if _, alone := w.changes(); alone != c.alone {
			t.Errorf("%s: alone %v, want %v", c.name, alone, c.alone)
		}
	}
}

// Only a file that is renamed onto one that is known is complete at once.
func TestWhatIsReplacedAsAWhole(t *testing.T) {
	away := fsnotify.Event{Name: "/m/a.yaml.new", Op: fsnotify.Rename}
	onto := fsnotify.Event{Name: "/m/a.yaml", Op: fsnotify.Create}
	for _, c := range []struct {
		name   string
		events []fsnotify.Event
		whole  bool
	}{
		{"renamed", []fsnotify.Event{{Name: "/m/a.yaml.new", Op: fsnotify.Create}, {Name: "/m/a.yaml.new", Op: fsnotify.Write}, away, onto}, true},
		{"twice", []fsnotify.Event{away, onto, away, onto}, true},
		{"from elsewhere, or made anew", []fsnotify.Event{onto}, false},
		{"written in place", []fsnotify.Event{{Name: "/m/a.yaml", Op: fsnotify.Write}}, false},
		{"and written in place", []fsnotify.Event{away, onto, {Name: "/m/a.yaml", Op: fsnotify.Write}}, false},
		{"after something else was renamed", []fsnotify.Event{away, {Name: "/m/x", Op: fsnotify.Create}, onto}, false},
		{"moved away and made anew", []fsnotify.Event{{Name: "/m/a.yaml", Op: fsnotify.Rename}, onto}, false},
		{"one of two", []fsnotify.Event{away, onto, {Name: "/m/b.yaml.new", Op: fsnotify.Rename}, {Name: "/m/b.yaml", Op: fsnotify.Create}}, false},
		{"a new name", []fsnotify.Event{away, {Name: "/m/c.yaml", Op: fsnotify.Create}}, false},
		{"a ConfigMap", []fsnotify.Event{{Name: "/m/..data_tmp", Op: fsnotify.Rename}, {Name: "/m/..data", Op: fsnotify.Create}}, false},
	} {
		w := &watch{changed: map[string]bool{}, folders: map[string]bool{"/m": true}, names: map[string]bool{"/m/a.yaml": true, "/m/b.yaml": true}}
		for _, e := range c.events {
			w.concerns(e)
		}
		if got := w.replaced(); got != c.whole {
			t.Errorf("%s: whole %v, want %v", c.name, got, c.whole)
		}
	}
}

func TestAWatchWhoseNoticesEndIsBlind(t *testing.T) {
	w := newWatch(slog.New(slog.NewTextHandler(io.Discard, nil)))
	defer w.close()
	if w.blind() {
		t.Skip("this system gives no notices")
	}
	w.begin()
	w.folder(t.TempDir())
	w.end()
	do(t, w.system.Close())
	if _, open := <-w.events(); open {
		t.Fatal("a notice came from a closed watch")
	}
	w.lost()
	if !w.blind() || w.events() != nil || !w.dirty("any") {
		t.Errorf("blind %v, dirty %v: without notices everything may have changed", w.blind(), w.dirty("any"))
	}
}

func TestAFolderThatCannotBeWatchedIsLookedAt(t *testing.T) {
	w := newWatch(slog.New(slog.NewTextHandler(io.Discard, nil)))
	defer w.close()
	w.folders = map[string]bool{}
	w.folder(filepath.Join(t.TempDir(), "nowhere"))
	if !w.blind() {
		t.Error("a folder is not watched and the watch does not say so")
	}
	if w.begin(); w.blind() {
		t.Error("a walk later it is still blind")
	}
}
