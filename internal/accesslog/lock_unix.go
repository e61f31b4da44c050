//go:build unix

package accesslog

import (
	"os"
	"path/filepath"
	"syscall"
)

// lockFolder takes the folder's lock, which tells whether unfinished files in it
// are somebody's work or somebody's leavings. It gives nil where another process
// holds it; that one goes on writing, and file names never clash.
func lockFolder(dir string) *os.File {
	file, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		file.Close()
		return nil
	}
	return file
}
