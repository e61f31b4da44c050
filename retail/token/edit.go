package token

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// SetUser writes a user with a hash as [HashPassword] returns it into the users file at path, in place of the one of
// that name if there is one, or removes the user where hash is "". Comments and the order of others stay. The file is replaced
// whole, so that a service reading it meets the old or the new one, and is readable by its owner only; it is made where it is
// missing.
func SetUser(path, name, hash string) (existed bool, err error) {
	if err := CheckName(name); err != nil {
		return false, err
	}
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("reading the users file: %w", err)
	}
	var lines []string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(strings.TrimSpace(line), name+":") {
			existed = true
			continue
		}
		lines = append(lines, line+"\n")
	}
	if hash != "" {
		lines = append(lines, name+":"+hash+"\n")
	}
	text := strings.Join(lines, "")
	if _, err := ReadUsers(strings.NewReader(text)); err != nil {
		return existed, fmt.Errorf("the users file %s: %w", path, err)
	}
	return existed, replaceFile(path, text)
}

func replaceFile(path, text string) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".users-*") // mode 0600
	if err != nil {
		return fmt.Errorf("writing the users file: %w", err)
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.WriteString(text)
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return fmt.Errorf("writing the users file: %w", err)
	}
	if err := os.Rename(temporary.Name(), path); err != nil {
		return fmt.Errorf("writing the users file: %w", err)
	}
	return nil
}
