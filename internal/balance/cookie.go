package balance

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"sync"
	"time"
)

// The cookies of AWS. Each has a twin for requests across origins, named as it is with
// "CORS" behind, with the same value and SameSite=None.
const (
	TargetCookie          = "AWSALB" // the target of stickiness.type=lb_cookie
	TargetCookieCORS      = TargetCookie + "CORS"
	TargetGroupCookie     = "AWSALBTG" // the target group of a weighted forward with stickiness
	TargetGroupCookieCORS = TargetGroupCookie + "CORS"
)

// Cookies writes and reads the values of stickiness cookies. A value tells a client
// nothing and cannot be made without the key: it is the expiry and the hash of the
// identity, 12 bytes, encrypted with SIV (RFC 5297's construction: a keyed digest of the
// plaintext and the scope is both the proof and the initial vector), with
// HMAC-SHA-256 cut to 16 bytes for the digest and one block of AES-256 for the
// encryption. There is no nonce that could repeat: a key may be kept for ever.
type Cookies struct {
	block cipher.Block
	desks sync.Pool // of *desk
}

const (
	plainSize  = 4 + 8 // expiry in Unix seconds, Hash
	digestSize = 16
	sealedSize = digestSize + plainSize
)

// ValueSize is the length of every cookie value.
const ValueSize = (sealedSize*8 + 5) / 6

var encoding = base64.RawURLEncoding

// A desk is what one call works with; what goes through an interface cannot live on the stack.
type desk struct {
	mac    hash.Hash
	sum    [sha256.Size]byte
	sealed [sealedSize]byte
	pad    [aes.BlockSize]byte
	scope  []byte
}

// NewCookies makes the cookies of one secret key. Every process that is to honour them needs the same one.
func NewCookies(key [32]byte) *Cookies {
	derive := func(label string) []byte {
		mac := hmac.New(sha256.New, key[:])
		mac.Write([]byte(label))
		return mac.Sum(nil)
	}
	block, err := aes.NewCipher(derive("stickiness cookie: encryption"))
	if err != nil {
		panic(err) // the key has 32 bytes
	}
	digest := derive("stickiness cookie: digest")
	c := &Cookies{block: block}
	c.desks.New = func() any { return &desk{mac: hmac.New(sha256.New, digest)} }
	return c
}

// Append appends the value that keeps a client on a target until expires, to be read by
// Open with the same groupID: the target group's identity for TargetCookie, the rule's for
// TargetGroupCookie, whose targets are target groups. The time is kept in whole seconds, up to the year 2106.
func (c *Cookies) Append(dst []byte, groupID, targetID string, expires time.Time) []byte {
	d := c.desks.Get().(*desk)
	d.scope = append(d.scope[:0], targetID...)
	target := sha256.Sum256(d.scope)
	plain := d.sealed[digestSize:]
	binary.BigEndian.PutUint32(plain, uint32(expires.Unix()))
	copy(plain[4:], target[:len(Hash{})])
	copy(d.sealed[:], d.digest(groupID))
	c.crypt(d)
	dst = encoding.AppendEncode(dst, d.sealed[:])
	c.desks.Put(d)
	return dst
}

// Open reads a value. It is not ok where the value was not made by Append with this key
// and groupID, or has expired.
func (c *Cookies) Open(value []byte, groupID string, now time.Time) (target Hash, ok bool) {
	if len(value) != ValueSize {
		return target, false
	}
	d := c.desks.Get().(*desk)
	defer c.desks.Put(d)
	if n, err := encoding.Decode(d.sealed[:], value); err != nil || n != sealedSize {
		return target, false
	}
	c.crypt(d)
	plain := d.sealed[digestSize:]
	if !hmac.Equal(d.digest(groupID), d.sealed[:digestSize]) {
		return target, false
	}
	if int64(binary.BigEndian.Uint32(plain)) <= now.Unix() {
		return target, false
	}
	copy(target[:], plain[4:])
	return target, true
}

// digest is the keyed digest of the scope and the plaintext on the desk.
func (d *desk) digest(groupID string) []byte {
	d.scope = append(d.scope[:0], d.sealed[digestSize:]...)
	d.scope = append(d.scope, groupID...) // the plaintext's length is fixed: nothing is ambiguous
	d.mac.Reset()
	d.mac.Write(d.scope)
	return d.mac.Sum(d.sum[:0])[:digestSize]
}

// crypt encrypts or decrypts the plaintext on the desk with the digest as initial vector.
func (c *Cookies) crypt(d *desk) {
	c.block.Encrypt(d.pad[:], d.sealed[:digestSize])
	plain := d.sealed[digestSize:]
	for i := range plain {
		plain[i] ^= d.pad[i]
	}
}

// FindCookie gives the value of the first cookie of this name in a Cookie header (RFC 6265
// section 4.2.1: pairs between semicolons; names are compared exactly). It reads what clients send:
// any white space, and double quotes around the value. The value is a part of header.
// A request across origins may carry the CORS twin alone.
func FindCookie(header []byte, name string) (value []byte, ok bool) {
	for len(header) > 0 {
		var pair []byte
		pair, header, _ = bytes.Cut(header, semicolon)
		pair = bytes.Trim(pair, " \t")
		if len(pair) <= len(name) || pair[len(name)] != '=' || string(pair[:len(name)]) != name {
			continue
		}
		value = bytes.Trim(pair[len(name)+1:], " \t")
		if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
			value = value[1 : n-1]
		}
		return value, true
	}
	return nil, false
}

var semicolon = []byte(";")

// clientLifetime is how long a browser keeps the cookie: ALB writes seven days,
// whatever the stickiness lasts, for that is inside the value.
const clientLifetime = 7 * 24 * time.Hour

// AppendSetCookies appends the two header lines, each with its line end, that give a
// client the cookie and its twin: ALB writes them with every response.
//
//	Set-Cookie: AWSALB=<value>; Expires=Tue, 27 Feb 2024 11:21:53 GMT; Path=/
//	Set-Cookie: AWSALBCORS=<value>; Expires=Tue, 27 Feb 2024 11:21:53 GMT; Path=/; SameSite=None; Secure
func AppendSetCookies(dst []byte, name string, value []byte, now time.Time) []byte {
	dst = append(dst, "Set-Cookie: "...)
	dst = append(dst, name...)
	from := len(dst)
	dst = append(dst, '=')
	dst = append(dst, value...)
	dst = append(dst, "; Expires="...)
	dst = now.UTC().Add(clientLifetime).AppendFormat(dst, "Mon, 02 Jan 2006 15:04:05 GMT")
	dst = append(dst, "; Path=/"...)
	to := len(dst)
	dst = append(dst, "\r\nSet-Cookie: "...)
	dst = append(dst, name...)
	dst = append(dst, "CORS"...)
	dst = append(dst, dst[from:to]...)
	return append(dst, "; SameSite=None; Secure\r\n"...)
}
