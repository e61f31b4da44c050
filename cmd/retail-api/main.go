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
	User         userCommand  `cmd:"" help:"Change a users file. Replicas that serve read it again by themselves."`
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
	hash, err := readHash(in)
	if err != nil {
		return err
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

// readHash returns the hash of the password on the first line of in.
func readHash(in io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(in, token.MaxPassword+2)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("reading the password from stdin: %w", err)
	}
	hash, err := token.HashPassword(strings.TrimRight(line, "\r\n"))
	if err != nil {
		return "", fmt.Errorf("hashing the password: %w", err)
	}
	return hash, nil
}

type userCommand struct {
	Add    userAddCommand    `cmd:"" help:"Read a password from stdin and add a user with it, or change the user's password."`
	Remove userRemoveCommand `cmd:"" help:"Remove a user. Tokens that were issued stay good until they end."`
}

type userAddCommand struct {
	Name  string `arg:"" help:"Name of the user."`
	Users string `required:"" placeholder:"FILE" help:"The users file; it is made where it is missing."`
}

// Run adds the user.
func (c *userAddCommand) Run(in io.Reader, out io.Writer) error {
	if err := token.CheckName(c.Name); err != nil {
		return err
	}
	hash, err := readHash(in)
	if err != nil {
		return err
	}
	existed, err := token.SetUser(c.Users, c.Name, hash)
	if err != nil {
		return err
	}
	verb := "added"
	if existed {
		verb = "changed the password of"
	}
	_, err = fmt.Fprintf(out, "%s user %s in %s\n", verb, c.Name, c.Users)
	return err
}

type userRemoveCommand struct {
	Name  string `arg:"" help:"Name of the user."`
	Users string `required:"" placeholder:"FILE" help:"The users file."`
}

// Run removes the user.
func (c *userRemoveCommand) Run(out io.Writer) error {
	existed, err := token.SetUser(c.Users, c.Name, "")
	if err == nil && !existed {
		err = fmt.Errorf("there is no user %s in %s", c.Name, c.Users)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "removed user %s from %s\n", c.Name, c.Users)
	return err
}
