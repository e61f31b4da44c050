package token

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// parameters say how much work a hash is.
type parameters struct {
	memory  uint32 // KiB
	passes  uint32
	threads uint8
}

// cost is the work of new hashes: 19 MiB, two passes, one thread (OWASP Password Storage Cheat Sheet, argon2id).
var cost = parameters{memory: 19 << 10, passes: 2, threads: 1}

// What a users file may ask for. More would let a line of the file stop the service.
const (
	maxMemory = 256 << 10 // KiB
	maxPasses = 16
)

const saltLength, keyLength = 16, 32

// hash is one password's argon2id hash.
type hash struct {
	parameters
	salt, key []byte
}

// HashPassword returns a password's hash in the PHC string format: $argon2id$v=19$m=19456,t=2,p=1$SALT$HASH.
func HashPassword(password string) (string, error) {
	if password == "" {
		return "", errors.New("the password is empty")
	}
	if len(password) > MaxPassword {
		return "", fmt.Errorf("the password has %d bytes, want %d or less", len(password), MaxPassword)
	}
	salt := make([]byte, saltLength)
	rand.Read(salt) // never fails: crypto/rand ends the program instead
	h := hash{parameters: cost, salt: salt}
	h.key = h.derive(password)
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.passes, h.threads, encode(h.salt), encode(h.key)), nil
}

// parseHash reads what HashPassword and other argon2 programs write.
func parseHash(s string) (hash, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return hash{}, errors.New("the hash is not of the form $argon2id$v=19$m=19456,t=2,p=1$SALT$HASH")
	}
	if parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return hash{}, fmt.Errorf("argon2 version %q, want v=%d", parts[2], argon2.Version)
	}
	var h hash
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.passes, &h.threads); err != nil {
		return hash{}, fmt.Errorf("argon2 parameters %q: %w", parts[3], err)
	}
	if h.memory < 8 || h.memory > maxMemory || h.passes < 1 || h.passes > maxPasses || h.threads < 1 {
		return hash{}, fmt.Errorf("argon2 parameters %q: want m from 8 to %d, t from 1 to %d, p from 1 to 255", parts[3], maxMemory, maxPasses)
	}
	var err error
	if h.salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil || len(h.salt) < 8 || len(h.salt) > 64 {
		return hash{}, errors.New("the salt is not 8 to 64 bytes in base64")
	}
	if h.key, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil || len(h.key) < 16 || len(h.key) > 64 {
		return hash{}, errors.New("the hash is not 16 to 64 bytes in base64")
	}
	return h, nil
}

// newDecoy returns a hash that costs p to check and that no password matches.
func newDecoy(p parameters) hash {
	h := hash{parameters: p, salt: make([]byte, saltLength), key: make([]byte, keyLength)}
	rand.Read(h.salt)
	rand.Read(h.key)
	return h
}

func (h hash) derive(password string) []byte {
	n := uint32(len(h.key))
	if n == 0 {
		n = keyLength
	}
	return argon2.IDKey([]byte(password), h.salt, h.passes, h.memory, h.threads, n)
}

func (h hash) matches(password string) bool {
	return subtle.ConstantTimeCompare(h.derive(password), h.key) == 1
}
