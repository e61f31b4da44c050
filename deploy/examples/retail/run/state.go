package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// user is the demo user's name.
const user = "demo"

// secrets is what the state folder holds for this program.
type secrets struct {
	jwtFile, usersFile string // for the replicas; readable by the owner only
	password           string // of the demo user
	log                string // file for all that the processes print
	manifests          string // the folder to serve: the original, or adjusted copies
}

// build compiles the binaries that were not given.
func build(ctx context.Context, o *options, out *os.File) error {
	for _, b := range []struct {
		path *string
		name string
	}{{&o.albatross, "albatross"}, {&o.api, "retail-api"}} {
		if *b.path != "" {
			continue
		}
		*b.path = filepath.Join("bin", b.name)
		command := exec.CommandContext(ctx, "go", "build", "-o", *b.path, "./cmd/"+b.name)
		command.Stdout, command.Stderr = out, os.Stderr
		if err := command.Run(); err != nil {
			return fmt.Errorf("building %s: %w", b.name, err)
		}
	}
	return nil
}

// prepare fills the state folder with what is not there yet.
func prepare(ctx context.Context, o options) (secrets, error) {
	folder := filepath.Join(o.state, "retail")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return secrets{}, fmt.Errorf("making the state folder: %w", err)
	}
	s := secrets{jwtFile: filepath.Join(folder, "jwt-secret"), usersFile: filepath.Join(folder, "users"), log: filepath.Join(folder, "run.log")}
	if _, err := keep(s.jwtFile, random(32)); err != nil {
		return s, fmt.Errorf("keeping the secret of the tokens: %w", err)
	}
	var err error
	if s.password, err = keep(filepath.Join(folder, "password"), random(9)); err != nil {
		return s, fmt.Errorf("keeping the demo user's password: %w", err)
	}
	if o.auth == "on" {
		if err := s.writeUsers(ctx, o.api); err != nil {
			return s, fmt.Errorf("making the demo user: %w", err)
		}
	}
	if s.manifests, err = adjusted(o); err != nil {
		return s, fmt.Errorf("adjusting the manifests to the ports: %w", err)
	}
	return s, nil
}

// writeUsers hashes the password with the API's own command and writes the
// file that its replicas read. It is written anew each time: the hash is salted,
// and a password file changed by hand must count.
func (s secrets) writeUsers(ctx context.Context, api string) error {
	command := exec.CommandContext(ctx, api, "hash-password")
	command.Stdin = strings.NewReader(s.password + "\n")
	var complaint bytes.Buffer
	command.Stderr = &complaint
	hash, err := command.Output()
	if err != nil {
		return fmt.Errorf("%s hash-password: %w %s", api, err, bytes.TrimSpace(complaint.Bytes()))
	}
	return writeWhole(s.usersFile, user+":"+strings.TrimSpace(string(hash))+"\n")
}

// keep gives the file's content, or writes value there first where there is no file.
func keep(path, value string) (string, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return value, writeWhole(path, value+"\n")
	}
	if err == nil && len(bytes.TrimSpace(content)) == 0 {
		err = fmt.Errorf("%s is empty: remove it to get a new one", path)
	}
	return strings.TrimSpace(string(content)), err
}

// writeWhole writes a file that its owner alone may read: all of it or nothing.
func writeWhole(path, content string) error {
	part := path + ".part"
	if err := os.WriteFile(part, []byte(content), 0o600); err != nil {
		return err
	}
	return os.Rename(part, path)
}

func random(bytes int) string {
	b := make([]byte, bytes)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

var portField = regexp.MustCompile(`(?m)^(\s*(?:- )?port:\s*)(\d+)\s*$`)

// adjusted gives the folder to serve. Where the replicas have other ports than the
// manifests say, that is a copy in the state folder with the ports changed.
func adjusted(o options) (string, error) {
	if o.base == manifestBase {
		return o.manifests, nil
	}
	folder := filepath.Join(o.state, "retail", "manifests")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	files, err := filepath.Glob(filepath.Join(o.manifests, "*.yaml"))
	if err != nil {
		return "", err
	}
	if len(files) == 0 {
		return "", fmt.Errorf("no *.yaml in %s", o.manifests)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		if err := writeWhole(filepath.Join(folder, filepath.Base(file)), movePorts(string(text), o.base)); err != nil {
			return "", err
		}
	}
	return folder, nil
}

// movePorts changes each port: field that names a replica's port, and nothing else.
func movePorts(text string, base int) string {
	return portField.ReplaceAllStringFunc(text, func(line string) string {
		parts := portField.FindStringSubmatch(line)
		port, _ := strconv.Atoi(parts[2])
		if port < manifestBase || port >= manifestBase+replicas {
			return line
		}
		return strings.Replace(line, parts[2], strconv.Itoa(base+port-manifestBase), 1)
	})
}
