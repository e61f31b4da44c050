package acme

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// mostFile bounds what is read of a file that is ours.
const mostFile = 1 << 20

// folder keeps what belongs to one authority:
//
//	account.key     the account's private key
//	<id>.pem        chain and private key of a set of names
//	<id>.json       its record
//	<id>.lock       held by the process that orders it
type folder string

func (f folder) file(name string) string { return filepath.Join(string(f), name) }

// temporary writes a file of mode 0600 that is to be moved into its place.
func (f folder) temporary(content []byte) (name string, err error) {
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return "", err
	}
	file, err := os.CreateTemp(string(f), ".new-")
	if err != nil {
		return "", err
	}
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		os.Remove(file.Name())
	}
	return file.Name(), err
}

// write puts a file there whole.
func (f folder) write(name string, content []byte) error {
	temporary, err := f.temporary(content)
	if err != nil {
		return err
	}
	if err = os.Rename(temporary, f.file(name)); err != nil {
		os.Remove(temporary)
	}
	return err
}

// writeOnce is write where nobody has written yet; else fs.ErrExist.
func (f folder) writeOnce(name string, content []byte) error {
	temporary, err := f.temporary(content)
	if err != nil {
		return err
	}
	defer os.Remove(temporary)
	return os.Link(temporary, f.file(name))
}

func (f folder) read(name string) ([]byte, error) {
	info, err := os.Stat(f.file(name))
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > mostFile {
		return nil, fmt.Errorf("%s is not a file of at most %d bytes", f.file(name), mostFile)
	}
	return os.ReadFile(f.file(name))
}

// load reads what is kept of c.
func (f folder) load(c *certificate) error {
	text, err := f.read(c.id + ".json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var r record
	if err := json.Unmarshal(text, &r); err != nil {
		return fmt.Errorf("reading %s: %w; remove it to start anew", f.file(c.id+".json"), err)
	}
	c.record = r
	text, err = f.read(c.id + ".pem")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	pair, leaf, err := parsePair(text)
	if err != nil {
		return fmt.Errorf("reading %s: %w; remove it to have another one issued", f.file(c.id+".pem"), err)
	}
	if c.leaf == nil || !c.leaf.Equal(leaf) {
		c.pair, c.leaf, c.window = pair, leaf, window{}
	}
	return nil
}

// remember writes the record of c.
func (f folder) remember(id string, r record) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return f.write(id+".json", append(text, '\n'))
}

// kept lists the ids of everything in the folder.
func (f folder) kept() []string {
	files, _ := filepath.Glob(f.file("*.json")) // what cannot be listed is not there
	ids := make([]string, len(files))
	for i, file := range files {
		ids[i] = strings.TrimSuffix(filepath.Base(file), ".json")
	}
	return ids
}

func (f folder) remove(id string) {
	os.Remove(f.file(id + ".pem"))
	os.Remove(f.file(id + ".json"))
}

// lock takes the lock on one set of names; unlock is nil where another process has
// it. The system lets go of it when the process ends, however it ends.
func (f folder) lock(id string) (unlock func(), err error) {
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(f.file(id+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	switch err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
	case err == nil:
		return func() { file.Close() }, nil
	case errors.Is(err, syscall.EWOULDBLOCK):
		file.Close()
		return nil, nil
	}
	file.Close()
	return nil, fmt.Errorf("locking %s: %w", file.Name(), err)
}
