package retail

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/albatross-lb/albatross/retail/request"
	"github.com/albatross-lb/albatross/retail/token"
)

// maxTokenBody is the length of a form that /token reads: a name and a password, each byte perhaps written as three.
const maxTokenBody = 4 << 10

var authenticateBearer = []string{"Bearer"}

// authenticate finds out who asks and remembers it, or answers 401.
func (s *Server) authenticate(x *exchange, r *http.Request) bool {
	if s.Tokens == nil {
		return true
	}
	if bearer, ok := bearerToken(r); ok {
		if user, err := s.Tokens.Verify(bearer); err == nil {
			x.user = user
			return true
		}
	}
	x.Header()["Www-Authenticate"] = authenticateBearer
	writeDetail(x, http.StatusUnauthorized, "Could not validate credentials")
	return false
}

// bearerToken returns the token of the request's one Authorization header (RFC 6750 section 2.1). The scheme's case does
// not matter.
func bearerToken(r *http.Request) (string, bool) {
	values := r.Header["Authorization"]
	if len(values) != 1 {
		return "", false
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	return token, ok && strings.EqualFold(scheme, "Bearer")
}

// jwksPath is where clients and load balancers look for public keys.
const jwksPath = "/.well-known/jwks.json"

// jwks answers with the public keys that tokens are signed with, none where they are signed with a secret.
func (s *Server) jwks() func(*exchange, *http.Request) {
	set := []byte(`{"keys":[]}`)
	if s.Tokens != nil {
		set = s.Tokens.JWKS()
	}
	answer := static(set)
	return func(x *exchange, r *http.Request) {
		x.Header().Set("Cache-Control", "public, max-age=300")
		answer(x, r)
	}
}

// token answers POST /token, the OAuth2 password grant (RFC 6749 section 4.3): a form with a name and a password in, a
// token out.
func (s *Server) token(x *exchange, r *http.Request) {
	var body []byte
	if !readBody(x, r, &body, maxTokenBody) {
		return
	}
	media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(media), "application/x-www-form-urlencoded") {
		writeWrong(x, wrongContentType("application/x-www-form-urlencoded"))
		return
	}
	name, password, errs := readCredentials(string(body))
	if errs != nil {
		writeWrong(x, errs...)
		return
	}
	if s.Tokens == nil {
		s.metrics.tokens.WithLabelValues("off").Inc()
		writeDetail(x, http.StatusNotFound, "Authentication is switched off: predictions need no token")
		return
	}
	x.Header().Set("Cache-Control", "no-store") // RFC 6749 section 5.1
	s.grant(x, r, name, password)
}

// grant checks the password and answers with a token or a refusal.
func (s *Server) grant(x *exchange, r *http.Request, name, password string) {
	if wait := s.lockout.Wait(name, s.Now()); wait > 0 {
		s.metrics.tokens.WithLabelValues("locked").Inc()
		x.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
		writeDetail(x, http.StatusTooManyRequests, "Too many wrong passwords for this name, try again later")
		return
	}
	ok, err := s.Users.Check(r.Context(), name, password)
	switch {
	case errors.Is(err, token.ErrBusy), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		s.metrics.tokens.WithLabelValues("busy").Inc()
		x.Header().Set("Retry-After", strconv.Itoa(1))
		writeDetail(x, http.StatusServiceUnavailable, "Too many sign-ins at once, try again")
		return
	case !ok:
		if token.CheckName(name) == nil { // others can be nobody's, and may be long
			s.lockout.Failed(name, s.Now())
		}
		s.metrics.tokens.WithLabelValues("refused").Inc()
		x.Header()["Www-Authenticate"] = authenticateBearer
		writeDetail(x, http.StatusUnauthorized, "Incorrect username or password")
		return
	}
	s.lockout.Succeeded(name)
	signed, err := s.Tokens.Issue(name)
	if err != nil {
		s.Log.Error("issuing a token", "user", name, "error", err)
		writeDetail(x, http.StatusServiceUnavailable, "No token could be issued")
		return
	}
	s.metrics.tokens.WithLabelValues("issued").Inc()
	x.user = name
	// A signed token is base64 and dots: nothing in it needs quoting.
	writeJSON(x, http.StatusOK, []byte(`{"access_token":"`+signed+`","token_type":"bearer"}`))
}

// readCredentials reads the form. grant_type may be missing, as in FastAPI's own form.
func readCredentials(body string) (name, password string, errs []request.Error) {
	form, err := url.ParseQuery(body)
	if err != nil {
		return "", "", []request.Error{{Loc: []any{"body"}, Msg: "Input should be a valid form", Type: "form_invalid"}}
	}
	if grant := form["grant_type"]; len(grant) > 0 && grant[0] != "password" {
		errs = append(errs, request.Error{
			Loc: []any{"body", "grant_type"}, Msg: "String should match pattern '^password$'", Type: "string_pattern_mismatch",
		})
	}
	for _, field := range []string{"username", "password"} {
		if form.Get(field) == "" {
			errs = append(errs, request.Error{Loc: []any{"body", field}, Msg: "Field required", Type: "missing"})
		}
	}
	return form.Get("username"), form.Get("password"), errs
}
