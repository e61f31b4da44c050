// Package token decides who may ask for predictions.
//
// A client proves a name with a password once, gets a token for it, and shows the token with each request. The token is
// a JSON Web Token (RFC 7519). It is signed either with HMAC-SHA256 under a secret that all replicas share, or with a private
// key (RS256, EdDSA), whose public half anybody may have: a load balancer that knows it, from [Issuer.JWKS], can turn strangers
// away by itself. Any replica can verify a token without asking the one that issued it, and no replica keeps a session.
//
// Verifying a signature costs more than a prediction. A token that was found good is remembered until it ends, so that it
// is verified once and not with each request ([Issuer.Verify]).
//
// Passwords are kept as argon2id hashes (RFC 9106). Hashing is slow and takes memory on purpose, so [Users] bounds
// how many hashes run at once and how many wait: a flood of wrong passwords costs the flooder, not the service. A name whose
// password was wrong too often has to wait, whether or not there is such a user ([Lockout]).
package token

import (
	"crypto"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// MinSecret is the least number of bytes of a secret: a key shorter than the hash is refused (RFC 7518 section 3.2).
const MinSecret = 32

// Options say how tokens are made and which are taken.
type Options struct {
	// Secret signs with HS256; Key, an RSA or Ed25519 private key, with RS256 or EdDSA. One of them is needed.
	Secret []byte
	Key    crypto.Signer
	// Trusted are more public keys whose signatures are taken, beside Key's own: the last one's while keys are changed,
	// or somebody else's.
	Trusted []crypto.PublicKey
	// Lifetime is how long a token is good for, 1s or more.
	Lifetime time.Duration
	// Name and Audience go into tokens as iss and aud, and a token without them is refused; "" leaves them out.
	Name, Audience string
	// Skew is how far apart the clocks of issuers and verifiers may be.
	Skew time.Duration
	// Now is the clock; nil for the real one.
	Now func() time.Time
}

// Issuer signs and verifies tokens.
type Issuer struct {
	Options
	keys   []key // the first one signs
	parser *jwt.Parser
	seen   seen
}

// New returns an issuer of tokens.
func New(o Options) (*Issuer, error) {
	if o.Lifetime < time.Second {
		return nil, fmt.Errorf("a token lifetime of %v is too short, want 1s or more", o.Lifetime)
	}
	if o.Skew < 0 {
		return nil, fmt.Errorf("a clock skew of %v is negative", o.Skew)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	keys, err := keysOf(o)
	if err != nil {
		return nil, err
	}
	i := &Issuer{Options: o, keys: keys}
	// The list of methods is what keeps out "none" and keys of another kind (RFC 8725 section 3.1).
	options := []jwt.ParserOption{
		jwt.WithValidMethods(methods(keys)), jwt.WithExpirationRequired(), jwt.WithStrictDecoding(),
		jwt.WithTimeFunc(o.Now), jwt.WithLeeway(o.Skew), jwt.WithIssuedAt(),
	}
	if o.Name != "" {
		options = append(options, jwt.WithIssuer(o.Name))
	}
	if o.Audience != "" {
		options = append(options, jwt.WithAudience(o.Audience))
	}
	i.parser = jwt.NewParser(options...)
	return i, nil
}

// Issue returns a token for the user.
func (i *Issuer) Issue(user string) (string, error) {
	now, k := i.Now(), i.keys[0]
	claims := jwt.RegisteredClaims{
		Subject: user, Issuer: i.Name, IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(i.Lifetime)),
	}
	if i.Audience != "" {
		claims.Audience = jwt.ClaimStrings{i.Audience}
	}
	token := jwt.NewWithClaims(k.method, claims)
	if k.id != "" {
		token.Header["kid"] = k.id
	}
	signed, err := token.SignedString(k.sign)
	if err != nil {
		return "", fmt.Errorf("signing a token: %w", err)
	}
	return signed, nil
}

// Verify returns the user a token was issued for. Tokens that are expired, that have no expiry or no user, that are of
// another issuer or for another audience, and those signed in another way or with another key are errors.
func (i *Issuer) Verify(token string) (user string, err error) {
	now := i.Now()
	if user, ok := i.seen.user(token, now); ok {
		return user, nil
	}
	var claims jwt.RegisteredClaims
	if _, err = i.parser.ParseWithClaims(token, &claims, i.keyFor); err != nil {
		return "", fmt.Errorf("verifying a token: %w", err)
	}
	if claims.Subject == "" {
		return "", errors.New("verifying a token: it names no user")
	}
	i.seen.add(token, claims.Subject, claims.ExpiresAt.Add(i.Skew), now)
	return claims.Subject, nil
}

// keyFor returns the key that a token says it was signed with, or all that could have.
func (i *Issuer) keyFor(t *jwt.Token) (any, error) {
	id, named := t.Header["kid"].(string)
	var set jwt.VerificationKeySet
	for _, k := range i.keys {
		if k.method.Alg() == t.Method.Alg() && (!named || id == k.id || k.id == "") {
			set.Keys = append(set.Keys, k.verify)
		}
	}
	if len(set.Keys) == 0 {
		return nil, errors.New("no key of that name")
	}
	return set, nil
}
