package acme

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	for _, c := range []struct {
		hosts     string
		http, dns bool
		want      string
		refused   string // part of what is said; "" nothing is
	}{
		{"b.example a.example a.example", true, false, "a.example b.example", ""},
		{"A.Example. a.example", true, false, "a.example", ""},
		{"*.example.com example.com", true, true, "*.example.com example.com", ""},
		{"*.example.com shop.example.com deep.shop.example.com", true, true, "*.example.com deep.shop.example.com", ""},
		// Without the wildcard in the order, what it would cover must be in it.
		{"*.example.com shop.example.com", true, false, "shop.example.com", "*.example.com: wildcards are proven by DNS only"},
		{"a.example", false, false, "", "no way to prove it"},
		{"a.example", false, true, "a.example", ""},
		{"10.0.0.1 ::1 a_b.example *.*.example a*.example -a.example a..b " + strings.Repeat("a", 64) + ".example", true, true, "", "not a host name"},
		{"localhost", true, false, "localhost", ""}, // a private authority may think otherwise than a public one
		{"xn--bcher-kva.example", true, false, "xn--bcher-kva.example", ""},
	} {
		w := Wish{Hosts: strings.Fields(c.hosts), HTTP: c.http}
		names, refused := w.names(c.dns)
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%s: got %q, want %q", c.hosts, got, c.want)
		}
		if got := strings.Join(refused, "; "); !strings.Contains(got, c.refused) || c.refused == "" && got != "" {
			t.Errorf("%s: refused: %s", c.hosts, got)
		}
	}
}

func TestTooManyNames(t *testing.T) {
	w := Wish{HTTP: true}
	for n := range maxNames + 7 {
		w.Hosts = append(w.Hosts, fmt.Sprintf("h%03d.example", n))
	}
	names, refused := w.names(false)
	if len(names) != maxNames || names[0] != "h000.example" || len(refused) != 1 || !strings.Contains(refused[0], "2 more") {
		t.Errorf("%d names, refused %v", len(names), refused)
	}
}

func FuzzNames(f *testing.F) {
	f.Add("*.example.com,example.com,shop.example.com", true)
	f.Add("a..b,*,*.,.,10.0.0.1", false)
	f.Fuzz(func(t *testing.T, hosts string, dns bool) {
		w := Wish{Hosts: strings.Split(hosts, ","), TLS: true}
		names, _ := w.names(dns)
		if len(names) > maxNames || !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
			t.Errorf("%q: %v", hosts, names)
		}
		for _, n := range names {
			wild := strings.HasPrefix(n, "*.")
			if wild && !dns || !wild && slices.Contains(names, parent(n)) || !isName(strings.TrimPrefix(n, "*.")) {
				t.Errorf("%q: %q of %v cannot be ordered", hosts, n, names)
			}
		}
	})
}
