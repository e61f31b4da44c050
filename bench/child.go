package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/albatross-lb/albatross/test/ports"
)

// child is a process that was started and will be ended.
type child struct {
	command *exec.Cmd
	gone    chan struct{}
	output  *tail
}

// The kernel ends a child with the thread that started it; the first thread stays.
func init() { runtime.LockOSThread() }

// start runs a program in the background until the site stops.
func (s *site) start(binary string, args ...string) (*child, error) {
	c := &child{command: exec.Command(binary, args...), gone: make(chan struct{}), output: &tail{}}
	c.command.Stdout, c.command.Stderr = c.output, c.output
	c.command.SysProcAttr = tied()
	if err := c.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		c.command.Wait()
		close(c.gone)
	}()
	s.children = append(s.children, c)
	return c, nil
}

// stop ends the process politely, after five seconds by force.
func (c *child) stop() {
	c.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.gone:
	case <-time.After(5 * time.Second):
		c.command.Process.Kill()
		<-c.gone
	}
}

// await returns once the address accepts connections or the child has ended.
func (c *child) await(ctx context.Context, addresses ...string) error {
	for _, a := range addresses {
		err := awaitListener(ctx, a)
		select {
		case <-c.gone:
			return fmt.Errorf("it ended: %v\n%s", c.command.ProcessState, c.output)
		default:
		}
		if err != nil {
			return fmt.Errorf("%w\n%s", err, c.output)
		}
	}
	return nil
}

func awaitListener(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		connection, err := net.Dial("tcp", address)
		if err == nil {
			return connection.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", address, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// freeAddress is an address of loopback that nobody listens on, and that is not given twice.
func freeAddress() (string, error) {
	port, err := ports.Free()
	if err != nil {
		return "", err
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), nil
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// tail keeps the last few kilobytes that a process printed.
type tail struct {
	mutex sync.Mutex
	text  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.text = append(t.text, p...)
	if over := len(t.text) - 8<<10; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return string(t.text)
}

func writeFile(path, text string) error { return os.WriteFile(path, []byte(text), 0o600) }
