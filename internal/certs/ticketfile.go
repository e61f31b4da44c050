package certs

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
)

const (
	// ticketKeyLife is how long a key of a kept file encrypts.
	ticketKeyLife = 24 * time.Hour
	// ticketLookEvery is how often a file is looked at.
	ticketLookEvery = 10 * time.Second

	minTicketKey   = 32 // bytes
	maxTicketKeys  = 16
	keptTicketKeys = 3
)

// TicketFile is a file of session ticket keys that several processes share, so that
// a client may resume with any of them what it began with another.
//
// It has one key a line, in base64, each of at least 32 random bytes (openssl rand
// -base64 48); empty lines and those that begin with # do not count. The first key encrypts;
// tickets of any of them are accepted.
//
// A new key must be known to all before one encrypts with it. So there are three: the
// one in use, the one before it, whose tickets are still out there, and the next one. A
// rotation makes the next one the first, the first the second, and adds another:
//
//	A B C  ->  C A D  ->  D C E
type TicketFile struct {
	keys *TicketKeys
	file string
	keep bool
	seen look
}

// Share has k use the keys of a file. With keep, the file is ours: it is made where
// there is none, and its keys rotate once a day, by whichever process sees first that
// it is due; two that do so at once agree in the end on what was written last. Without,
// it is its owner's to write and to rotate.
//
// The keys must be kept secret: who has one can read the recorded TLS 1.2 sessions
// that were resumed with it.
func (k *TicketKeys) Share(file string, keep bool) (*TicketFile, error) {
	t := &TicketFile{keys: k, file: file, keep: keep}
	if err := t.Look(time.Now()); err != nil {
		return nil, err
	}
	return t, nil
}

// Follow looks at the file every ten seconds until ctx is done. The keys used before
// remain in use where it cannot be read; report is told why, once for each reason.
func (t *TicketFile) Follow(ctx context.Context, report func(error)) {
	tick := time.NewTicker(ticketLookEvery)
	defer tick.Stop()
	var before string
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := t.Look(time.Now())
		switch {
		case err == nil:
			before = ""
		case err.Error() != before:
			before = err.Error()
			report(err)
		}
	}
}

// Look rotates the keys if that is due, and reads the file if it has changed.
func (t *TicketFile) Look(now time.Time) error {
	if err := t.look(now); err != nil {
		return fmt.Errorf("reading session ticket keys from %s: %w", t.file, err)
	}
	return nil
}

func (t *TicketFile) look(now time.Time) error {
	found, err := lookAt(t.file, maxPEM)
	if t.keep && (errors.Is(err, fs.ErrNotExist) || err == nil && now.Sub(found.modified) >= ticketKeyLife) {
		if err := t.rotate(); err != nil {
			return err
		}
		found, err = lookAt(t.file, maxPEM)
	}
	if err != nil || found == t.seen {
		return err
	}
	text, err := os.ReadFile(t.file)
	if err != nil {
		return err
	}
	keys, err := parseTicketKeys(text)
	if err != nil {
		return err
	}
	t.keys.Set(keys)
	t.seen = found
	return nil
}

// rotate writes the file with the keys that follow those in it.
func (t *TicketFile) rotate() error {
	old := make([]string, 0, keptTicketKeys)
	if text, err := os.ReadFile(t.file); err == nil {
		if _, err := parseTicketKeys(text); err != nil {
			return err
		}
		old = ticketLines(text)
	}
	for len(old) < keptTicketKeys {
		old = append(old, freshTicketKey())
	}
	next, current := old[len(old)-1], old[0]
	text := "# Session ticket keys, secret: in use, before, next. Replaced daily.\n" +
		strings.Join([]string{next, current, freshTicketKey()}, "\n") + "\n"
	return writeFile(t.file, []byte(text))
}

func freshTicketKey() string {
	var key [48]byte
	rand.Read(key[:]) // does not fail
	return base64.StdEncoding.EncodeToString(key[:])
}

// ticketLines gives the lines of a file that are keys.
func ticketLines(text []byte) []string {
	var lines []string
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			lines = append(lines, string(line))
		}
	}
	return lines
}

// parseTicketKeys reads a file of keys. A key in the file may be longer than
// crypto/tls's; all of it counts.
func parseTicketKeys(text []byte) ([][32]byte, error) {
	lines := ticketLines(text)
	if len(lines) == 0 || len(lines) > maxTicketKeys {
		return nil, fmt.Errorf("%d keys; write 1 to %d, one a line", len(lines), maxTicketKeys)
	}
	keys := make([][32]byte, 0, len(lines))
	for i, line := range lines {
		key, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(key) < minTicketKey {
			return nil, fmt.Errorf("key %d is not base64 of at least %d bytes; make one with: openssl rand -base64 48", i+1, minTicketKey)
		}
		sum := sha256.Sum256(key)
		if slices.Contains(keys, sum) {
			return nil, fmt.Errorf("key %d is there twice", i+1)
		}
		keys = append(keys, sum)
	}
	return keys, nil
}
