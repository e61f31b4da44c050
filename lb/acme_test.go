package lb

import "testing"

func TestACMEDirectory(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"letsencrypt", "https://acme-v02.api.letsencrypt.org/directory"},
		{"LetsEncrypt-Staging", "https://acme-staging-v02.api.letsencrypt.org/directory"},
		{"https://ca.example:14000/dir", "https://ca.example:14000/dir"},
		{"http://ca.example/dir", ""},
		{"https://", ""},
		{"https://user:pw@ca.example/dir", ""},
		{"lets-encrypt", ""},
		{"true", ""},
		{"", ""},
	} {
		got, ok := ACMEDirectory(c.name)
		if got != c.want || ok != (c.want != "") {
			t.Errorf("ACMEDirectory(%q) = %q, %v, want %q", c.name, got, ok, c.want)
		}
	}
}

func TestMergeKeepsACME(t *testing.T) {
	first, second := &ACME{Hosts: []string{"a.example"}}, &ACME{Hosts: []string{"b.example"}}
	cfg := Merge(
		Part{"file", &Config{ACME: map[string]*ACME{"acme:shop/a": first}}},
		Part{"kube", &Config{ACME: map[string]*ACME{"acme:shop/a": second, "acme:shop/b": second}}})
	if len(cfg.ACME) != 2 || cfg.ACME["acme:shop/a"] != first || cfg.ACME["acme:shop/b"] != second {
		t.Errorf("merged: %v", cfg.ACME)
	}
}
