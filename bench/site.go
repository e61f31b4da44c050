package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/albatross-lb/albatross/bench/certificate"
)

// site is what all proxies share: a folder, the targets, a certificate.
type site struct {
	folder    string
	targets   []string // addresses
	cert, key string   // PEM files
	albatross string   // binary, "" to build it
	holder    string   // binary, "" to build it
	files     int      // how many a process may have open
	children  []*child
	folders   int
}

func (s *site) path(name string) string { return filepath.Join(s.folder, name) }

// folderFor makes an empty folder for one start of a proxy.
func (s *site) folderFor(p *proxy) (string, error) {
	s.folders++
	folder := s.path(fmt.Sprintf("%s-%d", p.name, s.folders))
	// HAProxy and nginx may give up being root; their workers must get through.
	return folder, os.Mkdir(folder, 0o755)
}

// newSite starts what the proxies need.
func newSite(ctx context.Context, albatross string) (*site, error) {
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	s := &site{folder: folder, albatross: albatross}
	// nginx's workers, who are not root, keep bodies in it.
	if err := errors.Join(os.Chmod(folder, 0o755), s.open(ctx)); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *site) open(ctx context.Context) error {
	var err error
	if s.cert, s.key, err = certificate.Make(s.folder); err != nil {
		return fmt.Errorf("making a certificate: %w", err)
	}
	if s.files, err = raiseFiles(); err != nil {
		return fmt.Errorf("raising the limit of open files: %w", err)
	}
	for range 3 {
		address, err := freeAddress()
		if err != nil {
			return err
		}
		s.targets = append(s.targets, address)
	}
	binary, err := s.build(ctx, "./bench/target")
	if err != nil {
		return err
	}
	if _, err = s.start(binary, s.targets...); err != nil {
		return err
	}
	for _, address := range s.targets {
		if err := awaitListener(ctx, address); err != nil {
			return fmt.Errorf("starting the targets: %w", err)
		}
	}
	return nil
}

// build compiles a program of this module into the folder.
func (s *site) build(ctx context.Context, program string) (string, error) {
	binary := s.path(filepath.Base(program) + ".exe")
	command := exec.CommandContext(ctx, "go", "build", "-o", binary, program)
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", program, err, out)
	}
	return binary, nil
}

// close ends the processes and removes the folder.
func (s *site) close() {
	for _, c := range slices.Backward(s.children) {
		c.stop()
	}
	os.RemoveAll(s.folder)
}
