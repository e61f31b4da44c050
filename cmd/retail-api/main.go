// Retail-api serves the Retail Prediction API.
//
// The command line is all there is to configure, beside one secret from the environment; see docs/retail.md.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/albatross-lb/albatross/retail/token"
)

const description = "The Retail Prediction API: how many packages of a product will a store sell in a week?"

type commandLine struct {
	Serve        serveCommand `cmd:"" default:"withargs" help:"Serve the API (the default)."`
	HashPassword hashCommand  `cmd:"" help:"Read a password from stdin and print its hash for a users file."`
}

func main() {
	var cli commandLine
	parser := kong.Must(&cli, kong.Name("retail-api"), kong.Description(description))
	command, err := parser.Parse(os.Args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "retail-api: %v\n(retail-api serve --help lists the flags)\n", err)
		os.Exit(2)
	}
	command.BindTo(os.Stdin, (*io.Reader)(nil))
	command.BindTo(os.Stdout, (*io.Writer)(nil))
	if err := command.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "retail-api:", err)
		os.Exit(1)
	}
}

type hashCommand struct {
	User string `placeholder:"NAME" help:"Print a whole line of a users file, NAME:HASH."`
}

// Run hashes the first line of in.
func (c *hashCommand) Run(in io.Reader, out io.Writer) error {
	line, err := bufio.NewReader(io.LimitReader(in, token.MaxPassword+2)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the password from stdin: %w", err)
	}
	hash, err := token.HashPassword(strings.TrimRight(line, "\r\n"))
	if err != nil {
		return fmt.Errorf("hashing the password: %w", err)
	}
	if c.User != "" {
		if err := token.CheckName(c.User); err != nil {
			return err
		}
		hash = c.User + ":" + hash
	}
	_, err = fmt.Fprintln(out, hash)
	return err
}
