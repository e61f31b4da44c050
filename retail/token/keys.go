package token

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"slices"

	"github.com/golang-jwt/jwt/v5"
)

// leastRSA is the least size of an RSA key in bits (RFC 7518 section 3.3).
const leastRSA = 2048

// key is one key and how it is used.
type key struct {
	id     string // kid; "" for a secret
	method jwt.SigningMethod
	sign   any // nil where only the public half is known
	verify jwt.VerificationKey
}

// keysOf returns the keys of the options, the one that signs first.
func keysOf(o Options) ([]key, error) {
	var keys []key
	switch {
	case o.Key != nil && len(o.Secret) > 0:
		return nil, errors.New("tokens are signed with a secret or with a private key, not with both")
	case o.Key != nil:
		k, err := publicKey(o.Key.Public())
		if err != nil {
			return nil, err
		}
		k.sign = o.Key
		keys = []key{k}
	case len(o.Secret) < MinSecret:
		return nil, fmt.Errorf("the token secret has %d bytes, want %d or more", len(o.Secret), MinSecret)
	default:
		keys = []key{{method: jwt.SigningMethodHS256, sign: o.Secret, verify: o.Secret}}
	}
	for _, public := range o.Trusted {
		k, err := publicKey(public)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// publicKey says how a public key is used, and names it by its thumbprint (RFC 7638).
func publicKey(public crypto.PublicKey) (key, error) {
	var k key
	switch public := public.(type) {
	case *rsa.PublicKey:
		if bits := public.N.BitLen(); bits < leastRSA {
			return key{}, fmt.Errorf("the RSA key has %d bits, want %d or more", bits, leastRSA)
		}
		k = key{method: jwt.SigningMethodRS256, verify: public}
	case ed25519.PublicKey:
		k = key{method: jwt.SigningMethodEdDSA, verify: public}
	default:
		return key{}, fmt.Errorf("a key of type %T: want RSA or Ed25519", public)
	}
	// The thumbprint is over the required members alone, sorted and without spaces, which is how a map is written.
	text, err := json.Marshal(k.required())
	if err != nil {
		return key{}, err
	}
	sum := sha256.Sum256(text)
	k.id = base64.RawURLEncoding.EncodeToString(sum[:])
	return k, nil
}

// required are the members of a JSON Web Key that make the key (RFC 7518 section 6.3, RFC 8037 section 2).
func (k key) required() map[string]string {
	encode := base64.RawURLEncoding.EncodeToString
	switch public := k.verify.(type) {
	case *rsa.PublicKey:
		return map[string]string{"kty": "RSA", "n": encode(public.N.Bytes()), "e": encode(big.NewInt(int64(public.E)).Bytes())}
	case ed25519.PublicKey:
		return map[string]string{"kty": "OKP", "crv": "Ed25519", "x": encode(public)}
	}
	return nil
}

func methods(keys []key) []string {
	var names []string
	for _, k := range keys {
		if !slices.Contains(names, k.method.Alg()) {
			names = append(names, k.method.Alg())
		}
	}
	return names
}

// JWKS returns the public keys as a JSON Web Key Set (RFC 7517 section 5). A secret is not among them.
func (i *Issuer) JWKS() []byte {
	set := struct {
		Keys []map[string]string `json:"keys"`
	}{[]map[string]string{}}
	for _, k := range i.keys {
		if members := k.required(); members != nil {
			members["kid"], members["alg"], members["use"] = k.id, k.method.Alg(), "sig"
			set.Keys = append(set.Keys, members)
		}
	}
	text, err := json.Marshal(set)
	if err != nil {
		panic(err) // strings in maps always marshal
	}
	return text
}

// ReadKey reads a private key from a PEM file: PKCS #8, as `openssl genpkey` writes it, or PKCS #1.
func ReadKey(path string) (crypto.Signer, error) {
	block, err := readPEM(path)
	if err != nil {
		return nil, err
	}
	var parsed any
	if block.Type == "RSA PRIVATE KEY" {
		parsed, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	} else {
		parsed, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the private key %s: %w", path, err)
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("reading the private key %s: it cannot sign", path)
	}
	return signer, nil
}

// ReadPublicKey reads a public key from a PEM file, as `openssl pkey -pubout` writes it.
func ReadPublicKey(path string) (crypto.PublicKey, error) {
	block, err := readPEM(path)
	if err != nil {
		return nil, err
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("reading the public key %s: %w", path, err)
	}
	return public, nil
}

func readPEM(path string) (*pem.Block, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading a key: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("reading the key %s: it is not PEM", path)
	}
	return block, nil
}
