// Albatross is an application load balancer for manifests written for AWS's ALB.
//
// This package is its command line and its wiring: which parts there are and who is
// given whom. It decides nothing by itself. `albatross --help` lists the commands;
// docs/architecture.md has the picture.
//
// Exit codes: 0 done, 1 the input was bad, 2 usage.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"

	"github.com/albatross-lb/albatross/lb"
)

const description = "An application load balancer for Kubernetes manifests written for AWS's ALB."

type commandLine struct {
	Run      runCommand      `cmd:"" help:"Serve the manifests under PATH."`
	Check    checkCommand    `cmd:"" help:"Load and validate; print what every listener, rule and target group will do."`
	Explain  explainCommand  `cmd:"" help:"Say which rule and target group a request meets, and why each earlier rule did not hold."`
	Classify classifyCommand `cmd:"" help:"Read one raw HTTP/1.1 request and print its desync mitigation tier and reason."`
	Version  versionCommand  `cmd:"" help:"Print the version."`

	Completion completionCommand `cmd:"" help:"Print the completion script of a shell: source <(albatross completion bash)."`
}

// exit is a command's exit code other than 0 and 1, or 1 where all has been said already.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

func main() { os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// Main is the whole command; it returns the exit code.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var cli commandLine
	ended := -1
	parser, err := kong.New(&cli, kong.Name("albatross"), kong.Description(description),
		kong.Writers(stdout, stderr), kong.Exit(func(code int) { ended = code }))
	if err != nil {
		fmt.Fprintln(stderr, "albatross:", err)
		return 2
	}
	if len(args) > 0 && args[0] == completeWord {
		complete(stdout, parser.Model, args[1:])
		return 0
	}
	command, err := parser.Parse(args)
	if ended >= 0 {
		return ended // --help
	}
	if err != nil {
		fmt.Fprintf(stderr, "albatross: %s\n(albatross --help lists the commands)\n", lb.OneLine(err.Error()))
		return 2
	}
	err = command.Run(&streams{in: stdin, out: stdout, err: stderr})
	var code exit
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	}
	fmt.Fprintln(stderr, "albatross:", lb.OneLine(err.Error()))
	return 1
}

// streams is what a command reads where a path is -, and where it writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}
