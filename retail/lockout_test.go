package retail

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// After five wrong passwords a name waits, whether or not anybody has it: the two cannot be told apart.
func TestLockout(t *testing.T) {
	s, _ := newServer(t, true)
	sign := func(name, pass string) *httptest.ResponseRecorder {
		return ask(s, "POST", "/token", url.Values{"username": {name}, "password": {pass}}.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	}
	for range 5 {
		for _, name := range []string{"ann", "nobody"} {
			want(t, name, sign(name, "wrong"), 401, `{"detail":"Incorrect username or password"}`)
		}
	}
	for _, name := range []string{"ann", "nobody"} {
		w := sign(name, password)
		want(t, name, w, 429, `{"detail":"Too many wrong passwords for this name, try again later"}`)
		if w.Header().Get("Retry-After") != "31" {
			t.Errorf("%s: Retry-After %q", name, w.Header().Get("Retry-After"))
		}
	}
	if body := ask(s, "GET", "/metrics", "").Body.String(); !strings.Contains(body, `retail_tokens_total{result="locked"} 2`) {
		t.Error("waiting is not counted")
	}
	other, _ := newServer(t, true)
	for range 2 {
		for range 4 {
			ask(other, "POST", "/token", url.Values{"username": {"ann"}, "password": {"wrong"}}.Encode(), "Content-Type", "application/x-www-form-urlencoded")
		}
		if w := ask(other, "POST", "/token", url.Values{"username": {"ann"}, "password": {password}}.Encode(), "Content-Type", "application/x-www-form-urlencoded"); w.Code != 200 {
			t.Errorf("the right password does not end the count: %d", w.Code)
		}
	}
	want(t, "JWKS of a secret", ask(s, "GET", jwksPath, ""), 200, `{"keys":[]}`)
}
