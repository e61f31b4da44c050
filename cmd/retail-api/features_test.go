package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// get returns the body of what is at url.
func get(t *testing.T, url string) string {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != 200 {
		t.Fatalf("%s: %d %s, %v", url, answer.StatusCode, body, err)
	}
	return string(body)
}

// signIn returns the status and a token.
func signIn(t *testing.T, base, user, password string) (int, string) {
	t.Helper()
	answer, err := http.PostForm(base+"/token", url.Values{"username": {user}, "password": {password}})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var token struct {
		AccessToken string `json:"access_token"`
	}
	json.NewDecoder(answer.Body).Decode(&token)
	return answer.StatusCode, token.AccessToken
}

func runProgram(t *testing.T, in string, args ...string) (string, error) {
	t.Helper()
	cmd := program(t, nil, args...)
	cmd.Stdin = strings.NewReader(in)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// A key, users added while it serves, and tokens that another replica takes by the public half alone.
func TestKeysAndUsers(t *testing.T) {
	dir := t.TempDir()
	users, private, public := filepath.Join(dir, "users"), filepath.Join(dir, "private"), filepath.Join(dir, "public")
	pub, key, _ := ed25519.GenerateKey(rand.Reader)
	for path, block := range map[string]func() (string, []byte, error){
		private: func() (string, []byte, error) {
			b, err := x509.MarshalPKCS8PrivateKey(key)
			return "PRIVATE KEY", b, err
		},
		public: func() (string, []byte, error) {
			b, err := x509.MarshalPKIXPublicKey(pub)
			return "PUBLIC KEY", b, err
		},
	} {
		kind, data, err := block()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := runProgram(t, "one\n", "user", "add", "ann", "--users", users); err != nil || out != "added user ann in "+users+"\n" {
		t.Fatalf("%s%v", out, err)
	}
	claims := []string{"--jwt-issuer=https://retail", "--jwt-audience=predict", "--clock-skew=5s"}
	one := start(t, nil, append(claims, "--jwt-key-file", private, "--users", users, "--drain=0s", "--quiet")...)
	two := start(t, []string{secretVariable + "=" + strings.Repeat("x", 32)}, append(claims, "--jwt-trust", public, "--drain=0s", "--quiet")...)
	stranger := start(t, []string{secretVariable + "=" + strings.Repeat("x", 32)}, "--drain=0s", "--quiet")
	status, bearer := signIn(t, one.url, "ann", "one")
	if status != 200 {
		t.Fatalf("signing in: %d", status)
	}
	for r, want := range map[*replica]int{one: 200, two: 200, stranger: 401} {
		if got, body := predict(t, r.url, bearer); got != want {
			t.Errorf("%d %s, want %d", got, body, want)
		}
	}
	if set := get(t, one.url+"/.well-known/jwks.json"); !strings.Contains(set, `"alg":"EdDSA"`) || !strings.Contains(set, `"crv":"Ed25519"`) {
		t.Errorf("JWKS %s", set)
	}
	// A new user is let in without a restart.
	if out, err := runProgram(t, "two\n", "user", "add", "bob", "--users", users); err != nil {
		t.Fatalf("%s%v", out, err)
	}
	for { // the file is looked at every second
		line, err := one.stderr.ReadString('\n')
		if err != nil {
			t.Fatalf("waiting for the users to be read: %v", err)
		}
		if strings.Contains(line, "users read") {
			break
		}
	}
	if status, _ := signIn(t, one.url, "bob", "two"); status != 200 {
		t.Errorf("bob: %d", status)
	}
	if out, err := runProgram(t, "", "user", "remove", "bob", "--users", users); err != nil || !strings.Contains(out, "removed user bob") {
		t.Errorf("%s%v", out, err)
	}
	if out, err := runProgram(t, "", "user", "remove", "bob", "--users", users); err == nil || !strings.Contains(out, "no user bob") {
		t.Errorf("%s%v", out, err)
	}
	if out, err := runProgram(t, "x\n", "user", "add", "a b", "--users", users); err == nil {
		t.Errorf("a name with a space: %s", out)
	}
	for _, r := range []*replica{one, two, stranger} {
		r.end(t, syscall.SIGTERM)
	}
}

// The models of the repository side by side, a log of predictions, and traces.
func TestModelsLogAndTraces(t *testing.T) {
	traces := make(chan string, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { traces <- r.URL.Path }))
	defer receiver.Close()
	log := filepath.Join(t.TempDir(), "predictions")
	r := start(t, nil, "--auth=off", "--models", "../../retail/model/files", "--prediction-log", log, "--otlp-endpoint", receiver.URL,
		"--trace-sample=1", "--drain=0s", "--quiet")
	for version, want := range map[string]string{"v0.9": "v0.9", "v1.0": "v1.0", "": "v1.0"} {
		q, err := http.NewRequest(http.MethodPost, r.url+"/predict", strings.NewReader(question))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Content-Type", "application/json")
		if version != "" {
			q.Header.Set("X-Retail-Model", version)
		}
		answer, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if !strings.Contains(string(body), `"model_version":"`+want+`"`) {
			t.Errorf("asked for %q: %s", version, body)
		}
	}
	r.end(t, syscall.SIGTERM)
	if path := <-traces; path != "/v1/traces" {
		t.Errorf("traces went to %s", path)
	}
	if lines, err := os.ReadFile(log); err != nil || strings.Count(string(lines), "\n") != 3 || !strings.Contains(string(lines), `"product_id":123`) {
		t.Errorf("logged %s, %v", lines, err)
	}
}
