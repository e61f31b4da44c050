//go:build unix && !linux

package main

import "syscall"

// apart gives a child a process group of its own: a Ctrl-C in the terminal goes
// to the foreground group, that is to us alone. There is no portable way to tie
// its life to ours.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
