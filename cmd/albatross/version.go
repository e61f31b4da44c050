package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the linker for releases: -ldflags "-X main.version=v1.2.3".
var version = "devel"

type versionCommand struct{}

// Run prints "albatross <version> <commit> <go version> <os>/<arch>".
func (versionCommand) Run(s *streams) error {
	fmt.Fprintln(s.out, versionLine())
	return nil
}

func versionLine() string {
	commit := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				commit = setting.Value
			}
		}
	}
	return fmt.Sprintf("albatross %s (commit %s, %s, %s/%s)", version, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
