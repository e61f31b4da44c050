package acme

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func TestLock(t *testing.T) {
	f := folder(filepath.Join(t.TempDir(), "new"))
	unlock, err := f.lock("x")
	if err != nil || unlock == nil {
		t.Fatal(err)
	}
	if again, err := f.lock("x"); err != nil || again != nil {
		t.Errorf("taken twice: %v", err)
	}
	if other, err := f.lock("y"); err != nil || other == nil {
		t.Errorf("another one is not free: %v", err)
	} else {
		other()
	}
	unlock()
	if again, err := f.lock("x"); err != nil || again == nil {
		t.Errorf("not free afterwards: %v", err)
	} else {
		again()
	}
}

// TestAccountKey: of many that make it at once, one wins, and all have the same.
func TestAccountKey(t *testing.T) {
	dir := t.TempDir()
	var mu sync.Mutex
	keys := map[string]bool{}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			a := newAuthority(&Options{}, "https://ca.example/dir", folder(dir))
			key, err := a.key()
			if err != nil {
				t.Error(err)
				return
			}
			public := key.Public().(interface{ Bytes() ([]byte, error) })
			text, err := public.Bytes()
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			keys[string(text)] = true
		})
	}
	all.Wait()
	if len(keys) != 1 {
		t.Errorf("%d keys", len(keys))
	}
	files, _ := os.ReadDir(dir)
	if len(files) != 1 {
		t.Errorf("left are %v", files)
	}
	info, err := os.Stat(filepath.Join(dir, "account.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, mode %v", err, info.Mode())
	}
	if err := os.WriteFile(filepath.Join(dir, "account.key"), []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := newAuthority(&Options{}, "https://ca.example/dir", folder(dir)).key(); err == nil {
		t.Error("a broken key is read")
	}
}

func TestStore(t *testing.T) {
	f := folder(filepath.Join(t.TempDir(), "ca"))
	names := []string{"a.example"}
	id := idOf(names)
	text := issue(names, 0, 1)
	c := &certificate{id: id}
	if err := f.load(c); err != nil || c.leaf != nil {
		t.Errorf("nothing there: %v", err)
	}
	if err := errors.Join(f.write(id+".pem", text), f.remember(id, record{Names: names, Failures: 2, Next: time.Unix(2_000_000_000, 0)})); err != nil {
		t.Fatal(err)
	}
	if err := f.load(c); err != nil || c.leaf == nil || c.record.Failures != 2 || !bytes.Equal(c.pair.CertPEM, text) {
		t.Errorf("%v: %+v", err, c)
	}
	if err := f.writeOnce(id+".pem", nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("written twice: %v", err)
	}
	before := c.leaf
	if f.load(c); c.leaf != before {
		t.Error("the same certificate is read as another one")
	}
	if err := f.write(id+".pem", []byte("cut o")); err != nil {
		t.Fatal(err)
	}
	if err := f.load(c); err == nil || c.leaf != before {
		t.Errorf("a broken file: %v, and the certificate from before is gone: %v", err, c.leaf != before)
	}
}

// TestLoadAll: what is kept is found again; what expired long ago, or is broken, is not.
func TestLoadAll(t *testing.T) {
	f := folder(t.TempDir())
	keep := func(names []string, life time.Duration, id string) {
		if err := errors.Join(f.write(id+".pem", issue(names, life, 1)), f.remember(id, record{Names: names})); err != nil {
			t.Fatal(err)
		}
	}
	good, old, wrong := []string{"a.example"}, []string{"b.example"}, []string{"c.example"}
	keep(good, 0, idOf(good))
	keep(old, -2*forgetAfter, idOf(old))
	keep(wrong, 0, idOf([]string{"d.example"}))
	if err := f.write("broken.json", []byte("{")); err != nil {
		t.Fatal(err)
	}
	a := newAuthority(&Options{}, "https://ca.example/dir", f)
	a.loadAll(slog.New(slog.DiscardHandler))
	if len(a.kept) != 1 || a.kept[idOf(good)] == nil {
		t.Errorf("kept are %v", a.kept)
	}
	if _, err := os.Stat(f.file(idOf(old) + ".pem")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what expired long ago is still there: %v", err)
	}
}
