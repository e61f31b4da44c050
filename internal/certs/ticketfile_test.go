package certs

import (
	"context"
	"crypto/tls"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// replica is a server with ticket keys of its own, as in a process of its own.
type replica struct {
	keys TicketKeys
	cfg  *tls.Config
}

func newReplica(t testing.TB, certs []*Certificate) *replica {
	r := &replica{cfg: Config(policy(t, "TLS13-1-2-Res-2021-06"), certs, nil)}
	r.keys.Use(r.cfg, "scope")
	return r
}

// resumes tells whether a client gets its session back, and leaves it with one of r's.
func (r *replica) resumes(t testing.TB, client *tls.Config) bool {
	t.Helper()
	state, err := shake(r.cfg, client)
	if err != nil {
		t.Fatal(err)
	}
	return state.DidResume
}

// Two processes with one file: sessions go from one to the other, also while the
// first has rotated and the second has not seen it yet, and for two rotations more.
func TestKeptTicketFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state", "ticket-keys")
	certs := []*Certificate{certificate(t, "a", kind{}, "a.example")}
	one, two := newReplica(t, certs), newReplica(t, certs)
	first, err := one.keys.Share(file, true)
	if err != nil {
		t.Fatal(err)
	}
	second, err := two.keys.Share(file, true)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	before := lines(t, file)
	for _, version := range tlsVersions {
		client := func() *tls.Config {
			return &tls.Config{ServerName: "a.example", InsecureSkipVerify: true, MaxVersion: version, ClientSessionCache: &oneSession{}}
		}
		c := client()
		if one.resumes(t, c) || !two.resumes(t, c) || !one.resumes(t, c) {
			t.Errorf("%s: a session does not go from one to the other", tls.VersionName(version))
		}
	}
	if now := time.Now(); first.Look(now) != nil || second.Look(now.Add(ticketKeyLife-time.Minute)) != nil || !slices.Equal(lines(t, file), before) {
		t.Error("rotated before its time")
	}

	client := &tls.Config{ServerName: "a.example", InsecureSkipVerify: true, ClientSessionCache: &oneSession{}}
	old := &tls.Config{ServerName: "a.example", InsecureSkipVerify: true, ClientSessionCache: &oneSession{}}
	two.resumes(t, old)
	kept := *old.ClientSessionCache.(*oneSession)
	rotate := func(t testing.TB, f *TicketFile) {
		t.Helper()
		if err := f.Look(time.Now().Add(ticketKeyLife + time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	rotate(t, first)
	after := lines(t, file)
	if len(after) != 3 || after[0] != before[2] || after[1] != before[0] || slices.Contains(before, after[2]) {
		t.Errorf("%v follow %v", after, before)
	}
	if one.resumes(t, client); !two.resumes(t, client) || !one.resumes(t, client) {
		t.Error("a session is lost where one has rotated and the other has not seen it")
	}
	if err := second.Look(time.Now()); err != nil {
		t.Fatal(err)
	}
	if one.resumes(t, client); !two.resumes(t, client) {
		t.Error("a session is lost after the rotation was seen")
	}
	old.ClientSessionCache = &oneSession{kept.state}
	if !one.resumes(t, old) {
		t.Error("a ticket of the key before is not taken")
	}
	rotate(t, first)
	rotate(t, first)
	old.ClientSessionCache = &oneSession{kept.state}
	if one.resumes(t, old) {
		t.Error("a ticket of a key that is gone is taken")
	}
}

func lines(t testing.TB, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return ticketLines(text)
}

// An owner's file is read, never written; what is wrong with it changes nothing.
func TestOwnersTicketFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "keys")
	var keys TicketKeys
	if _, err := keys.Share(file, false); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("without a file: %v", err)
	}
	good := freshTicketKey() + "\n# comment\n\n" + freshTicketKey() + "\n"
	put(t, dir, "keys", []byte(good))
	r := newReplica(t, []*Certificate{certificate(t, "a", kind{}, "a.example")})
	followed, err := r.keys.Share(file, false)
	if err != nil {
		t.Fatal(err)
	}
	client := &tls.Config{ServerName: "a.example", InsecureSkipVerify: true, ClientSessionCache: &oneSession{}}
	if r.resumes(t, client); !r.resumes(t, client) {
		t.Error("not resumed")
	}
	for _, broken := range []string{"", "# nothing\n", "x\n", freshTicketKey()[:40] + "\n", strings.Repeat(freshTicketKey()+"\n", 2)} {
		put(t, dir, "keys", []byte(broken))
		if err := followed.Look(time.Now()); err == nil || !strings.Contains(err.Error(), "key") {
			t.Errorf("%q: %v", broken, err)
		}
		if !r.resumes(t, client) {
			t.Errorf("%q costs a session", broken)
		}
	}
	var many strings.Builder
	for range maxTicketKeys + 1 {
		many.WriteString(freshTicketKey() + "\n")
	}
	put(t, dir, "keys", []byte(many.String()))
	if err := followed.Look(time.Now().Add(100 * ticketKeyLife)); err == nil {
		t.Error("17 keys")
	}
	other := freshTicketKey() + "\n"
	put(t, dir, "keys", []byte(other))
	if err := followed.Look(time.Now().Add(100 * ticketKeyLife)); err != nil || r.resumes(t, client) {
		t.Errorf("other keys: %v", err)
	}
	if text, _ := os.ReadFile(file); string(text) != other {
		t.Error("an owner's file is written")
	}
}

// A kept file that somebody broke is not thrown away.
func TestBrokenKeptTicketFile(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "keys", []byte("broken\n"))
	if _, err := new(TicketKeys).Share(filepath.Join(dir, "keys"), true); err == nil {
		t.Error("taken")
	}
	if text, _ := os.ReadFile(filepath.Join(dir, "keys")); string(text) != "broken\n" {
		t.Error("overwritten")
	}
}

func TestFollowTicketFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "keys")
	put(t, dir, "keys", []byte(freshTicketKey()+"\n"))
	synctest.Test(t, func(t *testing.T) {
		var keys TicketKeys
		followed, err := keys.Share(file, false)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var reports []string
		go followed.Follow(ctx, func(err error) { reports = append(reports, err.Error()) })
		seen := followed.seen
		put(t, dir, "keys", []byte(freshTicketKey()+"\n"))
		time.Sleep(ticketLookEvery + time.Second)
		if synctest.Wait(); followed.seen == seen || reports != nil {
			t.Errorf("not read again: %v", reports)
		}
		put(t, dir, "keys", []byte("x"))
		time.Sleep(5 * ticketLookEvery)
		if synctest.Wait(); len(reports) != 1 {
			t.Errorf("reports %q, want one", reports)
		}
		cancel()
		synctest.Wait()
	})
}
