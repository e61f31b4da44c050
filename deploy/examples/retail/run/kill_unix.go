//go:build unix

package main

import "syscall"

// killGroup ends a child's whole process group at once.
func killGroup(pid int) { syscall.Kill(-pid, syscall.SIGKILL) }
