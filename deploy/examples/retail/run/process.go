package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// grace is how long a process may take to end by itself: longer than it drains.
const grace = 2 * drain

// A group is the processes of one run, in the order they were started. All that they print
// goes to the log. The terminal gets what they print once all have started, since what is
// said on the way there interests only where it fails: then it gets that too.
type group struct {
	out, log  io.Writer
	writing   sync.Mutex // one line at a time
	started   bool
	early     []string // lines before that, the last ones
	processes []*process
	ended     chan *process // each process once, when it is gone
}

// mostEarly bounds the lines that are kept for a start that fails.
const mostEarly = 200

// process is one child.
type process struct {
	name    string
	ready   string        // what the line says with which its start is over
	begun   chan struct{} // closed when it has said so
	command *exec.Cmd
	gone    chan struct{} // closed when it has ended and its output is relayed
	err     error         // how it ended; read after gone
}

// The kernel ends a child when the thread that started it ends (Linux's
// Pdeathsig looks at threads). The first thread lives as long as the program.
func init() { runtime.LockOSThread() }

func newGroup(out, log io.Writer) *group {
	return &group{out: out, log: log, ended: make(chan *process, replicas+1)}
}

// start runs a binary and relays what it prints, each line behind its name. ready is what
// it prints last of its start. Call it from the main goroutine only.
func (g *group) start(name, ready, binary string, args ...string) error {
	p := &process{name: name, ready: ready, begun: make(chan struct{}), command: exec.Command(binary, args...), gone: make(chan struct{})}
	p.command.SysProcAttr = apart()
	read, write, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("starting %s: %w", name, err)
	}
	p.command.Stdout, p.command.Stderr = write, write
	err = p.command.Start()
	write.Close()
	if err != nil {
		read.Close()
		return fmt.Errorf("starting %s: %w", name, err)
	}
	g.processes = append(g.processes, p)
	relayed := make(chan struct{})
	go func() {
		defer close(relayed)
		g.relay(p, read)
	}()
	go func() {
		p.err = p.command.Wait()
		<-relayed
		close(p.gone)
		g.ended <- p
	}()
	return nil
}

// relay copies lines until the pipe ends.
func (g *group) relay(p *process, from io.ReadCloser) {
	defer from.Close()
	lines := bufio.NewReader(from)
	for begun := false; ; {
		line, err := lines.ReadString('\n')
		if line != "" {
			g.said(fmt.Sprintf("%-9s | %s\n", p.name, strings.TrimRight(line, "\n")))
		}
		if !begun && strings.Contains(line, p.ready) {
			begun = true
			close(p.begun)
		}
		if err != nil {
			return
		}
	}
}

// said passes a line of a process on.
func (g *group) said(line string) {
	g.writing.Lock()
	defer g.writing.Unlock()
	io.WriteString(g.log, line)
	switch {
	case g.started:
		io.WriteString(g.out, line)
	case len(g.early) == mostEarly:
		g.early = append(g.early[1:], line)
	default:
		g.early = append(g.early, line)
	}
}

// begin ends the start with a text. From here on the terminal gets what is said.
func (g *group) begin(text string) {
	g.writing.Lock()
	defer g.writing.Unlock()
	io.WriteString(g.out, text)
	g.started, g.early = true, nil
}

// failed ends the start by showing what was said so far.
func (g *group) failed() {
	g.writing.Lock()
	defer g.writing.Unlock()
	io.WriteString(g.out, strings.Join(g.early, ""))
	g.started, g.early = true, nil
}

func (g *group) print(text string) {
	g.writing.Lock()
	defer g.writing.Unlock()
	io.WriteString(g.out, text)
}

// stop ends every process: the last started first, so that no request finds its
// target gone. It returns when all of them are gone.
func (g *group) stop() {
	for i := len(g.processes) - 1; i >= 0; i-- {
		p := g.processes[i]
		if p.isGone() {
			continue
		}
		p.command.Process.Signal(syscall.SIGTERM)
		if p.name == "albatross" {
			p.awaitOrKill()
		}
	}
	for _, p := range g.processes {
		p.awaitOrKill()
	}
}

func (p *process) awaitOrKill() {
	select {
	case <-p.gone:
	case <-time.After(grace):
		killGroup(p.command.Process.Pid)
		p.command.Process.Kill()
		<-p.gone
	}
}

func (p *process) isGone() bool {
	select {
	case <-p.gone:
		return true
	default:
		return false
	}
}

func (p *process) verdict() string {
	if p.err != nil {
		return p.err.Error()
	}
	return "exit status 0"
}

// commandLine is what a person types to start the process again.
func (p *process) commandLine() string { return strings.Join(p.command.Args, " ") }
