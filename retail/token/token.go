// Package token decides who may ask for predictions.
//
// A client proves a name with a password once, gets a token for it, and shows the token with each request. The token is
// a JSON Web Token signed with HMAC-SHA256 (RFC 7519, RFC 7518 section 3.2) under a secret that all replicas of the service
// share; so any replica can verify a token without asking the one that issued it, and no replica keeps a session.
//
// Passwords are kept as argon2id hashes (RFC 9106). Hashing is slow and takes memory on purpose, so [Users] bounds
// how many hashes run at once and how many wait: a flood of wrong passwords costs the flooder, not the service.
package token

import (
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// MinSecret is the least number of bytes of a secret: a key shorter than the hash is refused (RFC 7518 section 3.2).
const MinSecret = 32

// Issuer signs and verifies tokens.
type Issuer struct {
	secret   []byte
	lifetime time.Duration
	now      func() time.Time
	parser   *jwt.Parser
}

// NewIssuer returns an issuer of tokens that are good for lifetime. The clock now may be nil for the real one.
func NewIssuer(secret []byte, lifetime time.Duration, now func() time.Time) (*Issuer, error) {
	if len(secret) < MinSecret {
		return nil, fmt.Errorf("the token secret has %d bytes, want %d or more", len(secret), MinSecret)
	}
	if lifetime < time.Second {
		return nil, fmt.Errorf("a token lifetime of %v is too short, want 1s or more", lifetime)
	}
	if now == nil {
		now = time.Now
	}
	return &Issuer{
		secret: secret, lifetime: lifetime, now: now,
		// The list of methods is what keeps out "none" and keys of another kind (RFC 8725 section 3.1).
		parser: jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired(),
			jwt.WithStrictDecoding(), jwt.WithTimeFunc(now)),
	}, nil
}

// Issue returns a token for the user.
func (i *Issuer) Issue(user string) (string, error) {
	now := i.now()
	claims := jwt.RegisteredClaims{
		Subject: user, IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(i.lifetime)),
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(i.secret)
	if err != nil {
		return "", fmt.Errorf("signing a token: %w", err)
	}
	return signed, nil
}

// Verify returns the user a token was issued for. Tokens that are expired, that have no expiry or no user, and those
// signed in another way or with another secret are errors.
func (i *Issuer) Verify(token string) (user string, err error) {
	var claims jwt.RegisteredClaims
	_, err = i.parser.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return i.secret, nil })
	if err != nil {
		return "", fmt.Errorf("verifying a token: %w", err)
	}
	if claims.Subject == "" {
		return "", errors.New("verifying a token: it names no user")
	}
	return claims.Subject, nil
}
