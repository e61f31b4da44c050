package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/albatross-lb/albatross/retail"
	"github.com/albatross-lb/albatross/retail/model"
	"github.com/albatross-lb/albatross/retail/token"
)

const secretVariable = "JWT_SECRET_KEY"

type serveCommand struct {
	Listen string `default:"127.0.0.1:8000" placeholder:"HOST:PORT" help:"Address to listen on (${default}). Port 0 picks a free one."`
	Name   string `placeholder:"NAME" help:"Name of this replica, in the header X-Retail-Replica (default: hostname:port)."`

	Auth          string        `enum:"on,off" default:"on" help:"on: predictions need a token. off: everybody may predict."`
	Users         string        `placeholder:"FILE" help:"Those who may have tokens: lines of NAME:HASH as hash-password prints them."`
	JWTSecretFile string        `name:"jwt-secret-file" placeholder:"FILE" help:"File with the secret that tokens are signed with, 32 bytes or more (default: the environment variable JWT_SECRET_KEY). All replicas need the same."`
	TokenLifetime time.Duration `default:"30m" help:"How long a token is good for (${default})."`

	Dev         bool   `help:"For trying it out: makes a random secret and a user where none are given, and prints the user's password."`
	DevUser     string `default:"demo" placeholder:"NAME" help:"Name of the user that --dev makes (${default})."`
	DevPassword string `env:"RETAIL_DEV_PASSWORD" placeholder:"PASSWORD" help:"Password of the user that --dev makes (default: a random one)."`

	Drain time.Duration `default:"2s" help:"On SIGTERM or SIGINT, how long to go on serving while health checks fail (${default}). Behind a load balancer: longer than its health check interval times its unhealthy threshold."`
	Grace time.Duration `default:"30s" help:"How long requests in flight may take after that (${default})."`
	Quiet bool          `help:"Do not log each request."`
}

// Run serves until the process is told to stop.
func (c *serveCommand) Run() error {
	if c.Drain < 0 || c.Grace < 0 {
		return errors.New("--drain and --grace cannot be negative")
	}
	level := slog.LevelInfo
	if c.Quiet {
		level = slog.LevelWarn
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	trained, err := model.Embedded()
	if err != nil {
		return err
	}
	options := retail.Options{Model: trained, Log: log}
	if c.Auth == "on" {
		if options.Tokens, options.Users, err = c.tokens(log); err != nil {
			return err
		}
	}
	// A second signal ends the process at once: stop gives the signals back as soon as the first has come.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	context.AfterFunc(ctx, stop)
	listener, err := listen(c.Listen)
	if err != nil {
		return err
	}
	options.Name = c.name(listener)
	options.Log = log.With("replica", options.Name)
	server, err := retail.New(options)
	if err != nil {
		return err
	}
	// Also when quiet: whoever started it wants to know where it is, and scripts wait for this line.
	fmt.Fprintf(os.Stderr, "retail-api: %s serves model %s on http://%s\n", options.Name, trained.Version, listener.Addr())
	return server.Serve(ctx, listener, retail.Stopping{Drain: c.Drain, Grace: c.Grace})
}

func listen(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		_, port, _ := net.SplitHostPort(address)
		return nil, fmt.Errorf("listening on %s: port %s is taken by another process; choose another with --listen HOST:PORT", address, port)
	}
	if err != nil {
		return nil, fmt.Errorf("listening on --listen %s: %w", address, err)
	}
	return listener, nil
}

func (c *serveCommand) name(l net.Listener) string {
	if c.Name != "" {
		return c.Name
	}
	host, err := os.Hostname()
	if err != nil {
		host = "retail-api"
	}
	return fmt.Sprintf("%s:%d", host, l.Addr().(*net.TCPAddr).Port)
}

// tokens returns what signs tokens and who may have them.
func (c *serveCommand) tokens(log *slog.Logger) (*token.Issuer, *token.Users, error) {
	secret, err := c.secret(log)
	if err != nil {
		return nil, nil, err
	}
	issuer, err := token.NewIssuer(secret, c.TokenLifetime, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("%w; make one with: openssl rand -hex 32", err)
	}
	switch {
	case c.Users != "":
		users, err := token.OpenUsers(c.Users)
		return issuer, users, err
	case c.Dev:
		users, err := c.devUser()
		return issuer, users, err
	}
	log.Warn("no users: /token will refuse everybody (--users FILE names those who may have tokens)")
	return issuer, token.NewUsers(), nil
}

// secret returns the secret of --jwt-secret-file or else of the environment. There is none built in: a secret that
// everybody can read is worth nothing.
func (c *serveCommand) secret(log *slog.Logger) ([]byte, error) {
	if c.JWTSecretFile != "" {
		data, err := os.ReadFile(c.JWTSecretFile)
		if err != nil {
			return nil, fmt.Errorf("reading the token secret: %w", err)
		}
		return []byte(strings.TrimRight(string(data), "\r\n")), nil
	}
	if secret := os.Getenv(secretVariable); secret != "" {
		return []byte(secret), nil
	}
	if !c.Dev {
		return nil, fmt.Errorf("there is no secret to sign tokens with: set %s or --jwt-secret-file FILE (32 bytes or more, "+
			"the same for all replicas), or try it out with --dev, or let everybody predict with --auth=off", secretVariable)
	}
	log.Warn("tokens are signed with a random secret: they end with this process and no other replica takes them", "set", secretVariable)
	return []byte(rand.Text() + rand.Text()), nil
}

// devUser makes a user for trying the service out.
func (c *serveCommand) devUser() (*token.Users, error) {
	password := c.DevPassword
	if password == "" {
		password = rand.Text()
		fmt.Fprintf(os.Stderr, "retail-api: user %s, password %s\n", c.DevUser, password)
	}
	hash, err := token.HashPassword(password)
	if err != nil {
		return nil, fmt.Errorf("hashing the password of user %s: %w", c.DevUser, err)
	}
	users := token.NewUsers()
	return users, users.Add(c.DevUser, hash)
}
