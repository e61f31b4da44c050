package token

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestLockout(t *testing.T) {
	var l Lockout
	now := time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC)
	want := func(wait time.Duration) {
		t.Helper()
		if got := l.Wait("ann", now); got != wait {
			t.Errorf("waits %v, want %v", got, wait)
		}
	}
	for range patience {
		want(0)
		l.Failed("ann", now)
	}
	want(firstWait)
	if l.Wait("bob", now) != 0 {
		t.Error("somebody else waits too")
	}
	now = now.Add(firstWait)
	want(0)
	l.Failed("ann", now)
	want(2 * firstWait)
	for range 100 {
		l.Failed("ann", now)
	}
	want(longestWait)
	l.Succeeded("ann")
	want(0)
	for range patience - 1 {
		l.Failed("ann", now)
	}
	now = now.Add(forgetAfter + 1)
	l.Failed("ann", now)
	want(0)
}

func TestLockoutIsBounded(t *testing.T) {
	var l Lockout
	now := time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC)
	for range patience {
		l.Failed("ann", now)
	}
	for i := range 2 * maxNames {
		l.Failed(strconv.Itoa(i), now)
	}
	if len(l.names) > maxNames {
		t.Errorf("%d names, want %d at most", len(l.names), maxNames)
	}
	if l.Wait("ann", now) == 0 {
		t.Error("a flood of names ends a wait")
	}
}

func TestSetUser(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	hash, err := HashPassword("one")
	if err != nil {
		t.Fatal(err)
	}
	set := func(name, hash string, existed bool) {
		t.Helper()
		got, err := SetUser(path, name, hash)
		if err != nil || got != existed {
			t.Errorf("%s: existed %v, %v; want %v", name, got, err, existed)
		}
	}
	set("ann", hash, false)
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	text, _ := os.ReadFile(path)
	os.WriteFile(path, append([]byte("# ours\n"), text...), 0o600)
	users, err := OpenUsers(path)
	if err != nil {
		t.Fatal(err)
	}
	set("bob", hash, false)
	set("ann", hash, true)
	if changed, err := users.Refresh(); !changed || err != nil || users.Len() != 2 {
		t.Errorf("refreshed %v, %v: %d users", changed, err, users.Len())
	}
	if changed, _ := users.Refresh(); changed {
		t.Error("nothing changed, and it was read again")
	}
	set("bob", "", true)
	if text, _ = os.ReadFile(path); !strings.HasPrefix(string(text), "# ours\nann:") || strings.Contains(string(text), "bob") {
		t.Errorf("the file is now\n%s", text)
	}
	os.WriteFile(path, []byte("nonsense\n"), 0o600)
	if _, err := users.Refresh(); err == nil || users.Len() != 2 {
		t.Errorf("a broken file: %v, %d users", err, users.Len())
	}
	if _, err := SetUser(path, "eve", hash); err == nil {
		t.Error("a broken file was written to")
	}
	if ok, err := users.Check(t.Context(), "ann", "one"); !ok || err != nil {
		t.Errorf("ann is not let in: %v", err)
	}
	if _, err := SetUser(path, "a:b", hash); err == nil {
		t.Error("a name with a colon was taken")
	}
}
