package main

import "syscall"

// tied ends a child when this program is killed.
func tied() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

// manyFiles is enough for 20,000 connections to three proxies at a time.
const manyFiles = 200_000

// raiseFiles lets this process and its children have as many open files as the system grants.
func raiseFiles() (int, error) {
	limit := syscall.Rlimit{Cur: manyFiles, Max: manyFiles}
	// Only root may raise the upper limit; anybody may go up to it.
	if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit) == nil {
		return manyFiles, nil
	}
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, err
	}
	limit.Cur = limit.Max
	return int(limit.Cur), syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
}
