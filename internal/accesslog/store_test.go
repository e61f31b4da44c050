package accesslog

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/albatross-lb/albatross/lb"
)

var delivery = lb.LogDelivery{Enabled: true, Bucket: "my-logs", Prefix: "edge/eu"}

func open(t *testing.T, opts Options) *Store {
	t.Helper()
	if opts.Dir == "" {
		opts.Dir = t.TempDir()
	}
	if opts.Report == nil {
		opts.Report = func(err error) { t.Errorf("reported: %v", err) }
	}
	opts.Account, opts.Region, opts.IP = "000000000000", "us-east-1", netip.MustParseAddr("10.0.0.250")
	s, err := Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func numbered(n int) *Record {
	return &Record{Type: "http", Status: 200, URL: fmt.Appendf(nil, "http://a:80/%d", n), Method: []byte("GET"), Proto: "HTTP/1.1"}
}

// files are the regular files below dir, by path relative to it, without the lock.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && entry.Name() != ".lock" {
			name, _ := filepath.Rel(dir, path)
			names = append(names, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func lines(t *testing.T, path string) []string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return strings.SplitAfter(strings.TrimSuffix(string(text), "\n"), "\n")
}

// One load balancer through its five minutes: a hidden file that can be read after
// a second, the file under its own name when its time is over, the next one after it.
func TestFileLayoutAndRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Options{})
		l := s.Log("retail", "k8s-retail", "50dc6c495c0c9188", delivery)
		time.Sleep(61 * time.Second) // the bubble's clock begins at 2000-01-01 00:00
		l.Write(0, numbered(1))
		l.Write(1, numbered(2))
		time.Sleep(1500 * time.Millisecond)

		const folder = `my-logs/edge/eu/AWSLogs/000000000000/elasticloadbalancing/us-east-1/2000/01/01/`
		const name = `000000000000_elasticloadbalancing_us-east-1_app\.k8s-retail\.50dc6c495c0c9188_20000101T0005Z_10\.0\.0\.250_[a-z0-9]{8}\.log\.gz`
		got := files(t, s.opts.Dir)
		if len(got) != 1 || !regexp.MustCompile("^"+folder+`\.`+name+`\.part$`).MatchString(got[0]) {
			t.Fatalf("while it is written: %q", got)
		}
		if got := lines(t, filepath.Join(s.opts.Dir, got[0])); len(got) != 2 || !strings.Contains(got[0], " app/k8s-retail/50dc6c495c0c9188 ") {
			t.Fatalf("lines of the .part: %q", got)
		}
		time.Sleep(5 * time.Minute)
		got = files(t, s.opts.Dir)
		if len(got) != 1 || !regexp.MustCompile("^"+folder+name+`$`).MatchString(got[0]) {
			t.Fatalf("after its time: %q", got)
		}
		l.Write(0, numbered(3))
		s.Close()
		got = files(t, s.opts.Dir)
		if len(got) != 2 || !strings.Contains(got[1], "_20000101T0010Z_") {
			t.Fatalf("after Close: %q", got)
		}
		if l.Lines() != 3 || l.Dropped() != 0 {
			t.Errorf("%d lines, %d dropped", l.Lines(), l.Dropped())
		}
	})
}

// The same *Log across changes of the delivery; a new prefix finishes the old file.
func TestDeliveryChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Options{})
		l := s.Log("retail", "a", "1", delivery)
		l.Write(0, numbered(1))
		s.Flush()
		moved := delivery
		moved.Prefix = ""
		if s.Log("retail", "a", "1", moved) != l {
			t.Fatal("another *Log after a change of the prefix")
		}
		time.Sleep(1500 * time.Millisecond)
		if got := files(t, s.opts.Dir); len(got) != 1 || strings.HasSuffix(got[0], ".part") {
			t.Fatalf("the old file is not finished: %q", got)
		}
		l.Write(0, numbered(2))
		s.Flush()
		s.Log("retail", "a", "1", lb.LogDelivery{})
		l.Write(0, numbered(3)) // nowhere
		s.Close()
		got := files(t, s.opts.Dir)
		if len(got) != 2 || !strings.HasPrefix(got[0], "my-logs/AWSLogs/000000000000/") || len(lines(t, filepath.Join(s.opts.Dir, got[0]))) != 1 {
			t.Errorf("after the change: %q", got)
		}
	})
}

func TestRetainForgetsAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Options{})
		l := s.Log("gone", "a", "1", delivery)
		s.Log("kept", "b", "2", delivery)
		l.Write(0, numbered(1))
		s.Retain([]string{"kept"})
		time.Sleep(1500 * time.Millisecond)
		l.Write(0, numbered(2)) // a request that was still in flight
		time.Sleep(12 * time.Minute)
		if got := files(t, s.opts.Dir); len(got) != 1 || strings.HasSuffix(got[0], ".part") || len(lines(t, filepath.Join(s.opts.Dir, got[0]))) != 2 {
			t.Errorf("files %q", got)
		}
		if len(s.all()) != 1 {
			t.Errorf("%d logs kept", len(s.all()))
		}
		l.Write(0, numbered(3)) // forgotten: no trace, no panic
		if s.Log("gone", "a", "1", delivery) == l {
			t.Error("the forgotten log came back")
		}
	})
}

func TestStdoutOnly(t *testing.T) {
	var out bytes.Buffer
	s := open(t, Options{Stdout: &out})
	s.Log("retail", "a", "1", lb.LogDelivery{}).Write(7, numbered(1))
	s.Close()
	if !strings.Contains(out.String(), `"GET http://a:80/1 HTTP/1.1"`) || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("standard output: %q", out.String())
	}
	if got := files(t, s.opts.Dir); len(got) != 0 {
		t.Errorf("files: %q", got)
	}
}

func TestNilAndDisabled(t *testing.T) {
	var none *Log
	none.Write(0, numbered(1))
	s := open(t, Options{})
	l := s.Log("retail", "a", "1", lb.LogDelivery{})
	l.Write(0, numbered(1))
	s.Close()
	l.Write(0, numbered(1))
	if got := files(t, s.opts.Dir); len(got) != 0 || none.Dropped()+none.Lines() != 0 {
		t.Errorf("files: %q", got)
	}
	if s.Log("retail", "a", "1", delivery) != nil {
		t.Error("a log of a closed store")
	}
	s.Flush() // returns
}

// No chunk is lost or torn between many writers, the collections and Close.
func TestConcurrentWriters(t *testing.T) {
	s := open(t, Options{})
	l := s.Log("retail", "a", "1", delivery)
	const writers, each = 8, 2000
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				l.Write(uint32(w), numbered(w*each+i))
				if i%500 == 0 {
					s.Flush()
				}
			}
		})
	}
	wg.Wait()
	s.Close()
	seen := map[string]bool{}
	for _, name := range files(t, s.opts.Dir) {
		for _, line := range lines(t, filepath.Join(s.opts.Dir, name)) {
			if fields, err := split(strings.TrimSuffix(line, "\n") + "\n"); err != nil || len(fields) != 34 {
				t.Fatalf("%q: %v", line, err)
			} else {
				seen[fields[12]] = true
			}
		}
	}
	if len(seen) != writers*each || l.Lines() != writers*each || l.Dropped() != 0 {
		t.Errorf("%d different lines, %d written, %d dropped", len(seen), l.Lines(), l.Dropped())
	}
}

// stuck is an output that takes nothing until it is let go.
type stuck struct{ free chan struct{} }

func (w stuck) Write(p []byte) (int, error) { <-w.free; return len(p), nil }

// When nothing is taken, the memory stays bounded, Write does not wait, and what is
// lost is counted.
func TestDropsWhenStuck(t *testing.T) {
	out := stuck{make(chan struct{})}
	s := open(t, Options{Stdout: out, Memory: 1 << 20})
	l := s.Log("retail", "a", "1", lb.LogDelivery{})
	for i := range 20_000 {
		l.Write(uint32(i), numbered(i))
	}
	if s.chunks.Load() > s.maxChunks {
		t.Errorf("%d chunks of %d in use", s.chunks.Load(), s.maxChunks)
	}
	if l.Dropped() == 0 {
		t.Error("nothing was dropped")
	}
	close(out.free)
	s.Close()
	if s.chunks.Load() != 0 {
		t.Errorf("%d chunks were not given back", s.chunks.Load())
	}
}

// A disk that refuses is reported once, lines are counted as lost, and writing goes
// on when the trouble is over.
func TestDiskTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		blocker := filepath.Join(dir, "my-logs")
		if err := os.WriteFile(blocker, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		var reports []error
		s := open(t, Options{Dir: dir, Report: func(err error) { reports = append(reports, err) }})
		l := s.Log("retail", "a", "1", delivery)
		for i := range 3 {
			l.Write(0, numbered(i))
			time.Sleep(1100 * time.Millisecond)
		}
		s.Flush()
		if len(reports) != 1 || !strings.Contains(reports[0].Error(), "my-logs") || l.Dropped() != 3 {
			t.Errorf("%d dropped, reports: %v", l.Dropped(), reports)
		}
		os.Remove(blocker)
		l.Write(0, numbered(3))
		s.Flush()
		l.Write(0, numbered(3)) // less than a second after an error: the disk is left alone
		s.Flush()
		time.Sleep(2 * time.Second)
		l.Write(0, numbered(4))
		s.Close()
		if got := files(t, dir); len(got) != 1 || l.Lines() != 1 {
			t.Errorf("afterwards: %q, %d lines", got, l.Lines())
		}
	})
}

// A line that comes after the end of a file's time, but before anybody has looked
// at the clock, begins the next file.
func TestLineRightAfterRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(500 * time.Millisecond)
		s := open(t, Options{})
		l := s.Log("retail", "a", "1", delivery)
		l.Write(0, numbered(1))
		time.Sleep(5*time.Minute - 300*time.Millisecond) // 0.2 seconds into the next file's time
		l.Write(0, numbered(2))
		s.Flush()
		got := files(t, s.opts.Dir)
		if len(got) != 2 || !strings.Contains(got[0], "_20000101T0010Z_") || !strings.Contains(got[1], "_20000101T0005Z_") {
			t.Errorf("files: %q", got)
		}
	})
}

// A file that has become very large is finished before its time.
func TestLargeFileIsFinished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // or five minutes of the real clock may end just here
		s := open(t, Options{})
		l := s.Log("retail", "a", "1", delivery)
		l.Write(0, numbered(1))
		s.Flush()
		l.part.size = maxPart
		l.Write(0, numbered(2))
		s.Close()
		if got := files(t, s.opts.Dir); len(got) != 2 {
			t.Errorf("files: %q", got)
		}
	})
}

// A file in which nothing could be written does not remain.
func TestEmptyFileIsRemoved(t *testing.T) {
	s := open(t, Options{})
	l := s.Log("retail", "a", "1", delivery)
	s.Close()
	to, _ := s.destination(requests, "a", "1", delivery)
	var err error
	if l.part, err = s.begin(to, time.Now()); err != nil {
		t.Fatal(err)
	}
	s.finish(l)
	if got := files(t, s.opts.Dir); len(got) != 0 {
		t.Errorf("files: %q", got)
	}
}

// Names that would be paths do not become any.
func TestNamesAreNotPaths(t *testing.T) {
	s := open(t, Options{})
	s.Log("retail", "../../x", "/1", delivery).Write(0, numbered(1))
	s.Close()
	got := files(t, s.opts.Dir)
	if len(got) != 1 || !strings.Contains(got[0], "/000000000000_elasticloadbalancing_us-east-1_app...-..-x.-1_") {
		t.Errorf("files: %q", got)
	}
}

// A chunk that a monstrous line has stretched is not kept.
func TestStretchedChunksAreNotKept(t *testing.T) {
	s := open(t, Options{})
	l := s.Log("retail", "a", "1", delivery)
	r := numbered(1)
	r.URL = bytes.Repeat([]byte{'"'}, chunkSize)
	l.Write(0, r)
	s.Flush()
	if c := s.pool.Get().(*chunk); cap(c.text) != chunkSize {
		t.Errorf("a chunk of %d bytes", cap(c.text))
	}
}

// member is a gzip member of its own.
func member(text string) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	io.WriteString(z, text)
	z.Close()
	return out.Bytes()
}

func TestMendAfterCrash(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "b", "AWSLogs", "2026")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	two, third := append(member("one\n"), member("two\n")...), member("three\n")
	for name, content := range map[string][]byte{
		".torn.log.gz.part":    append(two[:len(two):len(two)], third[:len(third)-9]...),
		".trailer.log.gz.part": append(two[:len(two):len(two)], third[:len(third)-1]...),
		".header.log.gz.part":  append(two[:len(two):len(two)], third[:5]...),
		".whole.log.gz.part":   two,
		".zeros.log.gz.part":   append(two[:len(two):len(two)], make([]byte, 4096)...),
		".nothing.log.gz.part": third[:7],
		".empty.log.gz.part":   nil,
		".other.part":          []byte("not ours"),
	} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, Options{Dir: dir})
	s.mending.Wait()
	got := files(t, folder)
	if want := ".other.part header.log.gz torn.log.gz trailer.log.gz whole.log.gz zeros.log.gz"; strings.Join(got, " ") != want {
		t.Fatalf("got %q, want %s", got, want)
	}
	for _, name := range got[1:] {
		if got := lines(t, filepath.Join(folder, name)); strings.Join(got, "") != "one\ntwo" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// Of two stores on one folder the second leaves the first one's files alone.
func TestSecondProcessLeavesPartsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // or five minutes of the real clock may end just here
		s := open(t, Options{})
		s.Log("a", "a", "1", delivery).Write(0, numbered(1))
		s.Flush()
		open(t, Options{Dir: s.opts.Dir}).Close()
		s.mend() // nor does the first one take its own for leavings
		if got := files(t, s.opts.Dir); len(got) != 1 || !strings.HasSuffix(got[0], ".part") {
			t.Errorf("files: %q", got)
		}
	})
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		bucket, prefix, says string
	}{
		{"my-logs", "", ""},
		{"my.logs_2", "a/b-c/d.e/", ""},
		{"", "", "without a bucket"},
		{"..", "", "dot"},
		{"a/b", "", "'/'"},
		{"/etc", "", "'/'"},
		{"my logs", "", "' '"},
		{"my-logs", "../../etc", "dot"},
		{"my-logs", "a/../b", "dot"},
		{"my-logs", "/a", "slash"},
		{"my-logs", "a//b", "slash"},
		{"my-logs", "/", "slash"},
		{"my-logs", "a\x00b", `'\x00'`},
		{"my-logs", "a\\b", `'\\'`},
		{"my-logs", "a/AWSLogs", "AWSLogs"},
		{"my-logs", strings.Repeat("a", 129), "129 bytes"},
		{"my-logs", strings.Repeat("a/", 300), "600 bytes"},
	} {
		d := lb.LogDelivery{Enabled: true, Bucket: c.bucket, Prefix: c.prefix}
		err := requests.check(d)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q %q: %v, want %q", c.bucket, c.prefix, err, c.says)
		}
		if d.Enabled = false; requests.check(d) != nil {
			t.Errorf("%q %q: an error though it is off", c.bucket, c.prefix)
		}
	}
}

// A refused delivery is reported, writes no file and leaves standard output alone.
func TestRefusedDelivery(t *testing.T) {
	var reported error
	var out bytes.Buffer
	s := open(t, Options{Stdout: &out, Report: func(err error) { reported = errors.Join(reported, err) }})
	s.Log("retail", "../x", "1", lb.LogDelivery{Enabled: true, Bucket: "../../etc"}).Write(0, numbered(1))
	s.Close()
	if reported == nil || !strings.Contains(reported.Error(), "load balancer retail") || out.Len() == 0 || len(files(t, s.opts.Dir)) != 0 {
		t.Errorf("reported %v, output %q", reported, out.String())
	}
	if got := safe("../a b/é"); got != "..-a-b--" {
		t.Errorf("safe: %q", got)
	}
}

// What a line costs from Write to the file, all goroutines together: no line is
// dropped, since Write is made to wait for the goroutine.
func BenchmarkWrite(b *testing.B) {
	for _, to := range []string{"file", "nothing"} {
		b.Run(to, func(b *testing.B) {
			s, err := Open(Options{Dir: b.TempDir(), Account: "0", Region: "r", Memory: 8 << 20})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			l := s.Log("retail", "a", "1", lb.LogDelivery{Enabled: to == "file", Bucket: "b"})
			r := sample()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				r.Client = netip.AddrPortFrom(r.Client.Addr(), uint16(i*7))
				r.TargetTime = time.Duration(i*31%977) * time.Millisecond
				l.Write(0, &r)
				for s.chunks.Load() > 100 {
					runtime.Gosched()
				}
			}
			s.Flush()
			if l.Dropped() > 0 {
				b.Errorf("%d lines dropped", l.Dropped())
			}
		})
	}
}

// The request path alone, by as many goroutines as there are cores. Lines may be dropped.
func BenchmarkWriteParallel(b *testing.B) {
	s, err := Open(Options{Dir: b.TempDir(), Stdout: io.Discard})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	l := s.Log("retail", "a", "1", lb.LogDelivery{})
	b.ReportAllocs()
	var next atomic.Uint32
	b.RunParallel(func(pb *testing.PB) {
		r, shard := sample(), next.Add(1)
		for pb.Next() {
			l.Write(shard, &r)
		}
	})
	b.ReportMetric(100*float64(l.Dropped())/float64(b.N), "%dropped")
}
