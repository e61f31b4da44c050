package accesslog

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

const keptFolder = "b/AWSLogs/1/elasticloadbalancing/r/"

// keptFile puts a file of that many bytes for the five minutes that end at a time into the folder.
func keptFile(t *testing.T, dir, bucket, kind string, end time.Time, size int) string {
	t.Helper()
	name := filepath.Join(strings.Replace(keptFolder, "b/", bucket+"/", 1), end.Format("2006/01/02"),
		kind+"1_elasticloadbalancing_r_app.a.1_"+end.Format("20060102T1504Z")+"_10.0.0.1_abcd1234.log.gz")
	put(t, filepath.Join(dir, name), size)
	return filepath.ToSlash(name)
}

func put(t *testing.T, name string, size int) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestPlan(t *testing.T) {
	now := time.Unix(10_000, 0)
	sizes := map[int64]int64{1000: 10, 2000: 20, 3000: 30, 9000: 40}
	for name, c := range map[string]struct {
		age  time.Duration
		size int64
		want plan
	}{
		"no bounds":            {0, 0, plan{}},
		"young enough":         {9000 * time.Second, 0, plan{}},
		"too old":              {8000*time.Second - 1, 0, plan{2000, math.MaxInt64}},
		"small enough":         {0, 105, plan{}},
		"a byte too much":      {0, 104, plan{1000, 1}},
		"two ages":             {0, 80, plan{2000, 15}},
		"age is enough":        {8500 * time.Second, 95, plan{1000, math.MaxInt64}},
		"age and size":         {8500 * time.Second, 94, plan{2000, 1}},
		"all, and not enough":  {0, 1, plan{9000, 44}},
		"all of them too old":  {time.Second, 0, plan{9000, math.MaxInt64}},
		"ends after the clock": {-time.Hour, 0, plan{}},
	} {
		// Five bytes are in files that are being written: they count, and stay.
		if got := (&Options{MaxAge: c.age, MaxSize: c.size}).plan(sizes, 105, now); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// Files go when their time is over, and their folders with them; what is not ours stays,
// and so does everything behind a link.
func TestOldFilesGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, elsewhere := t.TempDir(), t.TempDir()
		start := time.Now().UTC().Truncate(24 * time.Hour)
		old := keptFile(t, dir, "b", "", start.Add(-time.Hour), 10)
		oldConnections := keptFile(t, dir, "b", "conn_log_", start.Add(-50*time.Minute), 10)
		oldChecks := keptFile(t, dir, "b", "health_check_log_", start.Add(-40*time.Minute), 10)
		fresh := keptFile(t, dir, "b", "", start.Add(5*time.Minute), 10)
		outside := keptFile(t, elsewhere, "b", "", start.Add(-time.Hour), 10)
		foreign := []string{"notes.txt", "b/AWSLogs/1/elasticloadbalancing/r/1999/12/30/archive.log.gz", keptFolder + "2000/01/01/.x.log.gz.part"}
		for _, name := range foreign {
			put(t, filepath.Join(dir, name), 1)
		}
		for link, to := range map[string]string{"linked": elsewhere, keptFolder + "1999/12/31/" + filepath.Base(old) + "x": filepath.Join(elsewhere, outside)} {
			if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink(filepath.Join(elsewhere, outside), filepath.Join(dir, filepath.Dir(old), "l"+filepath.Base(old))); err != nil {
			t.Fatal(err)
		}
		s := open(t, Options{Dir: dir, MaxAge: 2 * time.Hour})
		s.mending.Wait() // takes the .part away: there is no whole member in it
		synctest.Wait()
		if got := s.Kept(); got.Files < 4 || got.Files > 5 || got.Deleted != 0 {
			t.Errorf("at first: %+v", got)
		}
		time.Sleep(time.Hour + 5*time.Minute)
		synctest.Wait()
		if got, want := files(t, dir), []string{keptFolder + "1999/12/30/archive.log.gz", oldConnections, oldChecks, fresh, "notes.txt"}; !equal(got, want) {
			t.Errorf("an hour later: %q, want %q", got, want)
		}
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		if got, want := files(t, dir), []string{keptFolder + "1999/12/30/archive.log.gz", fresh, "notes.txt"}; !equal(got, want) {
			t.Errorf("at last: %q, want %q", got, want)
		}
		if got := s.Kept(); got != (Kept{Files: 1, Bytes: 10, Deleted: 3}) {
			t.Errorf("kept %+v", got)
		}
		if _, err := os.Stat(filepath.Join(elsewhere, outside)); err != nil {
			t.Errorf("a file outside of the folder is gone: %v", err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if _, err := os.Stat(filepath.Join(dir, keptFolder, "2000")); !os.IsNotExist(err) {
			t.Errorf("the empty folders are still there: %v", err)
		}
		if _, err := os.Stat(filepath.Join(dir, keptFolder)); err != nil {
			t.Errorf("more than the folders of the date has gone: %v", err)
		}
	})
}

func equal(got, want []string) bool {
	slices.Sort(want)
	slices.Sort(got)
	return slices.Equal(got, want)
}

// The oldest go first, from whichever bucket, and of those that are equally old no more than is needed.
func TestTooMuchGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		start := time.Now().UTC()
		keptFile(t, dir, "z", "", start.Add(5*time.Minute), 100)
		keptFile(t, dir, "a", "", start.Add(10*time.Minute), 100)
		second := keptFile(t, dir, "m", "", start.Add(10*time.Minute), 100)
		last := keptFile(t, dir, "a", "", start.Add(15*time.Minute), 100)
		s := open(t, Options{Dir: dir, MaxSize: 250})
		synctest.Wait()
		if got := files(t, dir); !equal(got, []string{second, last}) {
			t.Errorf("left: %q", got)
		}
		if got := s.Kept(); got != (Kept{Files: 2, Bytes: 200, Deleted: 2}) {
			t.Errorf("kept %+v", got)
		}
	})
}

// A log's own files go too, the one that is being written never.
func TestOwnFilesGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Options{MaxAge: 20 * time.Minute, MaxSize: 1 << 20})
		l := s.ConnectionLog("a", "a", "1", delivery)
		for i := range 12 * 3 {
			l.WriteConnection(uint32(i), &ConnectionRecord{})
			time.Sleep(5 * time.Minute)
		}
		l.WriteConnection(0, &ConnectionRecord{})
		time.Sleep(2 * time.Second)
		got := files(t, s.opts.Dir)
		if len(got) < 5 || len(got) > 6 || !strings.Contains(got[0], "/.conn_log_") || !strings.HasSuffix(got[0], ".part") {
			t.Errorf("files: %q", got)
		}
		if kept := s.Kept(); kept.Deleted < 31 || l.Dropped() > 0 {
			t.Errorf("kept %+v, %d lines dropped", kept, l.Dropped())
		}
	})
}

// A link in place of the whole folder is where an operator wants the logs to be.
func TestFolderMayBeALink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk, link := t.TempDir(), filepath.Join(t.TempDir(), "logs")
		if err := os.Symlink(disk, link); err != nil {
			t.Fatal(err)
		}
		keptFile(t, disk, "b", "", time.Now().UTC().Add(-time.Hour), 10)
		if err := os.WriteFile(filepath.Join(disk, ".torn.log.gz.part"), member("one\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		s := open(t, Options{Dir: link, MaxAge: time.Minute})
		s.mending.Wait()
		synctest.Wait()
		if got := s.Kept(); got.Deleted != 1 || !equal(files(t, disk), []string{"torn.log.gz"}) {
			t.Errorf("kept %+v, %q", got, files(t, disk))
		}
		if _, err := os.Stat(filepath.Join(disk, keptFolder)); err != nil {
			t.Errorf("more than the folders of the date has gone: %v", err)
		}
	})
}

// A folder is not taken away between its being made and its first file.
func TestFoldersAreNotRemovedTooEarly(t *testing.T) {
	s := open(t, Options{})
	to, err := s.destination(requests, "a", "1", delivery)
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(s.opts.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	now := time.Now()
	folder, _ := filepath.Rel(s.opts.Dir, filepath.Dir(to.path(now, "")))
	var writer sync.WaitGroup
	writer.Go(func() {
		for range 300 {
			p, err := s.begin(to, now)
			if err != nil {
				t.Error(err)
				return
			}
			p.file.Close()
			os.Remove(partPath(p.path))
		}
	})
	done := make(chan struct{})
	go func() { writer.Wait(); close(done) }()
	for {
		s.removeEmpty(root, filepath.ToSlash(folder))
		select {
		case <-done:
			return
		default:
		}
	}
}

// The kinds of log of one load balancer are apart: each has its switch and its files.
func TestKinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Options{})
		same := lb.LogDelivery{Enabled: true, Bucket: "b"}
		access := s.Log("a", "a", "1", lb.LogDelivery{})
		conns, checks := s.ConnectionLog("a", "a", "1", same), s.HealthCheckLog("a", "a", "1", same)
		access.Write(0, numbered(1))
		conns.WriteConnection(0, &ConnectionRecord{Status: "Success"})
		checks.WriteHealthCheck(&HealthCheckRecord{Passed: true})
		if access.On() || !conns.On() || !checks.On() || (*Log)(nil).On() {
			t.Error("on or off is mixed up")
		}
		s.Close()
		got := files(t, s.opts.Dir)
		if len(got) != 2 || !strings.Contains(got[0], "/conn_log_000000000000_elasticloadbalancing_us-east-1_app.a.1_2") ||
			!strings.Contains(got[1], "/health_check_log_000000000000_elasticloadbalancing_us-east-1_app.a.1_2") {
			t.Fatalf("files: %q", got)
		}
		for i, want := range []string{" Success - - app/a/1 10.0.0.250", " PASS 0 - app/a/1 10.0.0.250"} {
			if line := lines(t, filepath.Join(s.opts.Dir, got[i])); len(line) != 1 || !strings.HasSuffix(line[0], want) {
				t.Errorf("%s: %q", got[i], line)
			}
		}
	})
}
