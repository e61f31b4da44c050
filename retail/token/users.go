package token

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"
)

// ErrBusy says that more passwords wait to be checked than the service is willing to queue.
var ErrBusy = errors.New("too many passwords are being checked")

// maxWaiting is how many checks may wait for their turn, beyond those that run.
const maxWaiting = 64

// MaxPassword is the length in bytes above which a password is refused unread.
const MaxPassword = 1024

// Users are the names and password hashes of those who may have tokens.
type Users struct {
	mu     sync.RWMutex
	hashes map[string]hash
	// decoy is hashed against when the name is unknown, so that the answer takes as long as for a known one.
	decoy   hash
	running chan struct{}
	waiting chan struct{}

	path  string // the file they come from; "" for none
	stamp stamp
}

// stamp tells one content of a file from another.
type stamp struct {
	size     int64
	modified time.Time
}

// maxRunning is how many passwords are hashed at once however many processors there are: each takes 19 MiB.
const maxRunning = 4

// NewUsers returns an empty list: nobody is known.
func NewUsers() *Users {
	n := min(runtime.GOMAXPROCS(0), maxRunning)
	return &Users{
		hashes: map[string]hash{}, decoy: newDecoy(cost),
		running: make(chan struct{}, n), waiting: make(chan struct{}, n+maxWaiting),
	}
}

// ReadUsers reads lines of the form NAME:HASH, as `retail-api hash-password --user NAME` prints them. Empty lines and those
// that begin with # are passed over.
func ReadUsers(r io.Reader) (*Users, error) {
	users := NewUsers()
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		name, encoded, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("line %d: want NAME:HASH", n)
		}
		if _, twice := users.hashes[name]; twice {
			return nil, fmt.Errorf("line %d: user %q appears twice", n, name)
		}
		if err := users.Add(name, encoded); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	return users, nil
}

// OpenUsers reads the users file at path.
func OpenUsers(path string) (*Users, error) {
	u := NewUsers()
	u.path = path
	if _, err := u.Refresh(); err != nil {
		return nil, err
	}
	return u, nil
}

// Refresh reads the users file again where it has changed, and reports whether it had. A file with a mistake changes nothing.
// Tokens that were issued stay good until they end.
func (u *Users) Refresh() (bool, error) {
	if u.path == "" {
		return false, nil
	}
	file, err := os.Open(u.path)
	if err != nil {
		return false, fmt.Errorf("reading the users file: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return false, fmt.Errorf("reading the users file: %w", err)
	}
	now := stamp{info.Size(), info.ModTime()}
	u.mu.RLock()
	same := now == u.stamp
	u.mu.RUnlock()
	if same {
		return false, nil
	}
	read, err := ReadUsers(file)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.stamp = now // a mistake is told once
	if err != nil {
		return false, fmt.Errorf("reading the users file %s: %w", u.path, err)
	}
	u.hashes, u.decoy = read.hashes, read.decoy
	return true, nil
}

// Add makes a user known by a hash as [HashPassword] returns it. It replaces the user of that name.
func (u *Users) Add(name, encoded string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	h, err := parseHash(encoded)
	if err != nil {
		return fmt.Errorf("user %q: %w", name, err)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.hashes) == 0 {
		u.decoy = newDecoy(h.parameters)
	}
	u.hashes[name] = h
	return nil
}

// CheckName says whether a name can stand in a users file and a token: 1 to 64 printable ASCII characters without colon.
func CheckName(name string) error {
	if name == "" || len(name) > 64 {
		return fmt.Errorf("user name %q: want 1 to 64 characters", name)
	}
	for _, c := range []byte(name) {
		if c <= ' ' || c > '~' || c == ':' {
			return fmt.Errorf("user name %q: want printable ASCII without spaces and colons", name)
		}
	}
	return nil
}

// Len returns how many users there are.
func (u *Users) Len() int {
	u.mu.RLock()
	defer u.mu.RUnlock()
	return len(u.hashes)
}

// Check reports whether the password is that of the user. It takes as long for an unknown user as for a known one. It
// waits for its turn; when too many wait already it returns [ErrBusy] at once, and when ctx ends its error.
func (u *Users) Check(ctx context.Context, name, password string) (bool, error) {
	if len(password) > MaxPassword {
		return false, nil // whether or not the user is known
	}
	select {
	case u.waiting <- struct{}{}:
		defer func() { <-u.waiting }()
	default:
		return false, ErrBusy
	}
	select {
	case u.running <- struct{}{}:
		defer func() { <-u.running }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	u.mu.RLock()
	h, known := u.hashes[name]
	if !known {
		h = u.decoy
	}
	u.mu.RUnlock()
	return h.matches(password) && known, nil
}
