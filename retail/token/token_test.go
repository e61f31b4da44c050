package token

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

var secret = []byte(strings.Repeat("s", MinSecret))

func TestIssueAndVerify(t *testing.T) {
	now := time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC)
	issuer, err := newIssuer(secret, 30*time.Minute, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	signed, err := issuer.Issue("ann")
	if err != nil {
		t.Fatal(err)
	}
	if user, err := issuer.Verify(signed); user != "ann" || err != nil {
		t.Errorf("verified as %q, %v", user, err)
	}
	other, err := newIssuer([]byte(strings.Repeat("o", MinSecret)), time.Hour, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Verify(signed); err == nil {
		t.Error("a token of another secret was taken")
	}
	now = now.Add(30*time.Minute - time.Second)
	if _, err := issuer.Verify(signed); err != nil {
		t.Errorf("a second before its end: %v", err)
	}
	now = now.Add(2 * time.Second)
	if _, err := issuer.Verify(signed); err == nil {
		t.Error("an expired token was taken")
	}
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

func TestVerifyRefuses(t *testing.T) {
	issuer, err := newIssuer(secret, time.Minute, nil)
	if err != nil {
		t.Fatal(err)
	}
	good, _ := issuer.Issue("ann")
	soon := time.Now().Add(time.Minute).Unix()
	sign := func(method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
		s, err := jwt.NewWithClaims(method, claims).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if user, err := issuer.Verify(sign(jwt.SigningMethodHS256, secret, jwt.MapClaims{"sub": "bob", "exp": soon})); user != "bob" || err != nil {
		t.Errorf("a token made elsewhere with the same secret: %q, %v", user, err)
	}
	// The last character carries two bits that mean nothing: another one there must not pass for the same signature.
	last := strings.IndexByte(alphabet, good[len(good)-1])
	head, rest, _ := strings.Cut(good, ".")
	for name, token := range map[string]string{
		"empty":         "",
		"dots":          "..",
		"last bits":     good[:len(good)-1] + alphabet[last^1:last^1+1],
		"cut":           good[:len(good)-1],
		"no signature":  good[:strings.LastIndex(good, ".")+1],
		"another head":  "eyJhbGciOiJub25lIn0." + rest,
		"no head":       "." + rest,
		"long":          head + "." + strings.Repeat("A", 8000),
		"none":          sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, jwt.MapClaims{"sub": "ann", "exp": soon}),
		"HS512":         sign(jwt.SigningMethodHS512, secret, jwt.MapClaims{"sub": "ann", "exp": soon}),
		"no expiry":     sign(jwt.SigningMethodHS256, secret, jwt.MapClaims{"sub": "ann"}),
		"no user":       sign(jwt.SigningMethodHS256, secret, jwt.MapClaims{"exp": soon}),
		"user a number": sign(jwt.SigningMethodHS256, secret, jwt.MapClaims{"sub": 7, "exp": soon}),
		"not yet":       sign(jwt.SigningMethodHS256, secret, jwt.MapClaims{"sub": "ann", "exp": soon, "nbf": soon}),
	} {
		if user, err := issuer.Verify(token); err == nil {
			t.Errorf("%s: taken as %q", name, user)
		}
	}
}

func TestNewIssuerRefuses(t *testing.T) {
	if _, err := newIssuer(secret[1:], time.Minute, nil); err == nil {
		t.Error("a secret of 31 bytes was taken")
	}
	if _, err := newIssuer(secret, 0, nil); err == nil {
		t.Error("a lifetime of 0 was taken")
	}
}

func TestUsers(t *testing.T) {
	encoded, err := HashPassword("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(path, []byte("# who\n\n ann:"+encoded+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	users, err := OpenUsers(path)
	if err != nil || users.Len() != 1 {
		t.Fatal(users.Len(), err)
	}
	for _, test := range []struct {
		name, password string
		want           bool
	}{
		{"ann", "correct horse", true}, {"ann", "correct hors", false}, {"ann", "", false}, {"Ann", "correct horse", false},
		{"bob", "correct horse", false}, {"", "", false}, {"ann", strings.Repeat("x", MaxPassword+1), false},
	} {
		if got, err := users.Check(context.Background(), test.name, test.password); got != test.want || err != nil {
			t.Errorf("%s with %.20q: %v, %v; want %v", test.name, test.password, got, err, test.want)
		}
	}
	again, err := HashPassword("correct horse")
	if err != nil || again == encoded {
		t.Errorf("a password was hashed twice to the same %q (%v)", again, err)
	}
}

// The test vector of RFC 9106 section 5.3 uses secret and associated data, which the library's function does not take; this
// one is of the reference implementation: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1.
const reference = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"

func TestReferenceHash(t *testing.T) {
	h, err := parseHash(reference)
	if err != nil {
		t.Fatal(err)
	}
	users, err := ReadUsers(strings.NewReader("ann:" + reference))
	if err != nil || users.decoy.parameters != h.parameters || users.decoy.matches("password") {
		t.Errorf("an unknown user costs %+v, a known one %+v (%v)", users.decoy.parameters, h.parameters, err)
	}
	if !h.matches("password") || h.matches("passwore") {
		t.Error("the reference hash does not match its password, or matches another")
	}
}

func TestReadUsersRefuses(t *testing.T) {
	hash := reference
	for text, want := range map[string]string{
		"ann":                           "line 1: want NAME:HASH",
		"\nann:secret":                  `line 2: user "ann": the hash is not`,
		":" + hash:                      "1 to 64",
		"a b:" + hash:                   "printable",
		"ann:" + hash + "\nann:" + hash: "twice",
		"a:" + strings.Replace(hash, "argon2id", "argon2i", 1):   "not of the form",
		"a:" + strings.Replace(hash, "v=19", "v=16", 1):          "version",
		"a:" + strings.Replace(hash, "m=65536", "m=99999999", 1): "want m from",
		"a:" + strings.Replace(hash, "t=2", "t=0", 1):            "want m from",
		"a:" + strings.Replace(hash, "t=2", "t=99", 1):           "want m from",
		"a:" + strings.Replace(hash, "p=1", "p=0", 1):            "want m from",
		"a:" + strings.Replace(hash, "p=1", "p=x", 1):            "argon2 parameters",
		"a:" + strings.Replace(hash, "c29tZXNhbHQ", "c2", 1):     "salt",
		"a:" + hash[:len(hash)-30]:                               "hash is not",
		"a:" + strings.Repeat("x", 100000):                       "token too long",
	} {
		if _, err := ReadUsers(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: error %v, want one about %q", text, err, want)
		}
	}
	if _, err := OpenUsers("no such file"); err == nil {
		t.Error("a missing file was read")
	}
	for _, password := range []string{"", strings.Repeat("x", MaxPassword+1)} {
		if _, err := HashPassword(password); err == nil {
			t.Errorf("a password of %d bytes was hashed", len(password))
		}
	}
}

// However many passwords come in at once, only so many are hashed and only so many wait.
func TestCheckIsBounded(t *testing.T) {
	users := NewUsers()
	if cap(users.running) > maxRunning {
		t.Errorf("%d run at once, want %d or fewer", cap(users.running), maxRunning)
	}
	for range cap(users.running) { // all processors are hashing
		users.running <- struct{}{}
		users.waiting <- struct{}{}
	}
	ctx, cancel := context.WithCancel(context.Background())
	answers := make(chan error)
	for range maxWaiting {
		go func() {
			_, err := users.Check(ctx, "ann", "x")
			answers <- err
		}()
	}
	// One more than can wait: whoever comes last is turned away, the others wait on.
	go func() {
		_, err := users.Check(ctx, "ann", "x")
		answers <- err
	}()
	if err := <-answers; !errors.Is(err, ErrBusy) {
		t.Errorf("one too many got %v, want ErrBusy", err)
	}
	cancel()
	for range maxWaiting {
		if err := <-answers; !errors.Is(err, context.Canceled) {
			t.Errorf("one that waited got %v, want the context's error", err)
		}
	}
	if len(users.waiting) != cap(users.running) {
		t.Errorf("%d are counted as waiting after all went", len(users.waiting))
	}
}

func BenchmarkVerify(b *testing.B) {
	issuer, _ := newIssuer(secret, time.Hour, nil)
	signed, _ := issuer.Issue("ann")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := issuer.Verify(signed); err != nil {
			b.Fatal(err)
		}
	}
}

// newIssuer returns one that signs with a secret.
func newIssuer(secret []byte, lifetime time.Duration, now func() time.Time) (*Issuer, error) {
	return New(Options{Secret: secret, Lifetime: lifetime, Now: now})
}
