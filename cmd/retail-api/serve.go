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
	"github.com/albatross-lb/albatross/retail/tracing"
)

const secretVariable = "JWT_SECRET_KEY"

type serveCommand struct {
	Listen string `default:"127.0.0.1:8000" placeholder:"HOST:PORT" help:"Address to listen on (${default}). Port 0 picks a free one."`
	Name   string `placeholder:"NAME" help:"Name of this replica, in the header X-Retail-Replica (default: hostname:port)."`

	Auth          string        `enum:"on,off" default:"on" help:"on: predictions need a token. off: everybody may predict."`
	Users         string        `placeholder:"FILE" help:"Those who may have tokens: lines of NAME:HASH as hash-password prints them."`
	JWTSecretFile string        `name:"jwt-secret-file" placeholder:"FILE" help:"File with the secret that tokens are signed with, 32 bytes or more (default: the environment variable JWT_SECRET_KEY). All replicas need the same."`
	JWTKeyFile    string        `name:"jwt-key-file" placeholder:"FILE" help:"Private key, RSA or Ed25519 in PEM, to sign tokens with in place of a secret: RS256 or EdDSA, its public half at /.well-known/jwks.json."`
	JWTTrust      []string      `name:"jwt-trust" sep:"," placeholder:"FILE,..." help:"More public keys in PEM whose tokens are taken, as the last one's while keys are changed."`
	JWTIssuer     string        `name:"jwt-issuer" placeholder:"NAME" help:"iss of tokens; those of another issuer are refused."`
	JWTAudience   string        `name:"jwt-audience" placeholder:"NAME" help:"aud of tokens; those for another audience are refused."`
	ClockSkew     time.Duration `name:"clock-skew" default:"0s" help:"How far apart the clocks of replicas may be (${default})."`
	TokenLifetime time.Duration `default:"30m" help:"How long a token is good for (${default})."`

	Models string `placeholder:"DIR" help:"Folder of models to serve side by side, read again when it changes (default: the model in the program). weights.json in it shares requests out; X-Retail-Model in a request chooses."`

	PredictionLog       string  `placeholder:"FILE" help:"Append predictions to FILE as JSON lines; - is standard output."`
	PredictionLogSample float64 `default:"1" placeholder:"SHARE" help:"Share of predictions that are logged, 0 to 1 (${default})."`
	OTLPEndpoint        string  `name:"otlp-endpoint" env:"OTEL_EXPORTER_OTLP_ENDPOINT" placeholder:"URL" help:"Send OpenTelemetry traces there, as http://127.0.0.1:4318 (OTLP over HTTP)."`
	TraceSample         float64 `default:"0.01" placeholder:"SHARE" help:"Share of traces begun here that are sent, 0 to 1 (${default}); those begun by a caller follow the caller."`

	Dev         bool   `help:"For trying it out: makes a random secret and a user where none are given, and prints the user's password."`
	DevUser     string `default:"demo" placeholder:"NAME" help:"Name of the user that --dev makes (${default})."`
	DevPassword string `env:"RETAIL_DEV_PASSWORD" placeholder:"PASSWORD" help:"Password of the user that --dev makes (default: a random one)."`

	Drain time.Duration `default:"2s" help:"On SIGTERM or SIGINT, how long to go on serving while health checks fail (${default}). Behind a load balancer: longer than its health check interval times its unhealthy threshold."`
	Grace time.Duration `default:"30s" help:"How long requests in flight may take after that (${default})."`
	Quiet bool          `help:"Do not log each request."`
}

// watchInterval is how often files that may change are looked at.
const watchInterval = time.Second

// Run serves until the process is told to stop.
func (c *serveCommand) Run() (err error) {
	if err := c.check(); err != nil {
		return err
	}
	level := slog.LevelInfo
	if c.Quiet {
		level = slog.LevelWarn
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	options := retail.Options{Log: log}
	folder, err := c.models(&options)
	if err != nil {
		return err
	}
	if c.Auth == "on" {
		if options.Tokens, options.Users, err = c.tokens(log); err != nil {
			return err
		}
	}
	// A second signal ends the process at once: stop gives the signals back as soon as the first has come.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	context.AfterFunc(ctx, stop)
	closing, err := c.observe(ctx, &options)
	defer func() { err = errors.Join(err, closing()) }()
	if err != nil {
		return err
	}
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
	if folder != nil {
		go server.Watch(ctx, folder, watchInterval)
	}
	if options.Users != nil {
		go watchUsers(ctx, options.Users, options.Log)
	}
	// Also when quiet: whoever started it wants to know where it is, and scripts wait for this line.
	fmt.Fprintf(os.Stderr, "retail-api: %s serves model %s on http://%s\n", options.Name, versions(options.Models), listener.Addr())
	return server.Serve(ctx, listener, retail.Stopping{Drain: c.Drain, Grace: c.Grace})
}

func (c *serveCommand) check() error {
	share := func(v float64) bool { return v >= 0 && v <= 1 }
	switch {
	case c.Drain < 0 || c.Grace < 0:
		return errors.New("--drain and --grace cannot be negative")
	case !share(c.PredictionLogSample) || !share(c.TraceSample):
		return errors.New("--prediction-log-sample and --trace-sample are shares, 0 to 1")
	case c.JWTKeyFile != "" && c.JWTSecretFile != "":
		return errors.New("tokens are signed with --jwt-secret-file or with --jwt-key-file, not with both")
	}
	return nil
}

// models reads the models that are served at first. folder is nil where they are those in the program.
func (c *serveCommand) models(o *retail.Options) (folder *retail.Folder, err error) {
	if c.Models != "" {
		folder = &retail.Folder{Path: c.Models}
		o.Models, err = folder.Load()
		return folder, err
	}
	trained, err := model.Embedded()
	o.Models = []retail.Weighted{{Trained: trained, Weight: 1}}
	return nil, err
}

// versions names the models, those that answer without being named first.
func versions(all []retail.Weighted) string {
	var names []string
	for _, m := range all {
		if m.Weight > 0 {
			names = append(names, m.Version)
		}
	}
	return strings.Join(names, ",")
}

// observe opens what predictions and traces go to; closing sends and writes what is left.
func (c *serveCommand) observe(ctx context.Context, o *retail.Options) (closing func() error, err error) {
	var closers []func() error
	closing = func() error {
		var errs []error
		for _, end := range closers {
			errs = append(errs, end())
		}
		return errors.Join(errs...)
	}
	if c.PredictionLog != "" {
		file := os.Stdout
		if c.PredictionLog != "-" {
			if file, err = os.OpenFile(c.PredictionLog, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640); err != nil {
				return closing, fmt.Errorf("opening the prediction log: %w", err)
			}
		}
		o.Predictions = retail.NewPredictionLog(file, c.PredictionLogSample)
		closers = append(closers, func() error { return errors.Join(o.Predictions.Close(), file.Close()) })
	}
	if c.OTLPEndpoint != "" {
		provider, err := tracing.Start(ctx, tracing.Options{
			Endpoint: c.OTLPEndpoint, Share: c.TraceSample, Service: "retail-api", Version: versions(o.Models),
		})
		if err != nil {
			return closing, err
		}
		o.Tracer = provider.Tracer("github.com/albatross-lb/albatross/retail")
		closers = append(closers, func() error {
			// The receiver may be gone. That is no reason to stay, nor for a bad exit code.
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			defer cancel()
			if err := provider.Shutdown(ctx); err != nil {
				o.Log.Warn("the last traces were not sent", "error", err)
			}
			return nil
		})
	}
	return closing, nil
}

// watchUsers reads the users file again when it changes.
func watchUsers(ctx context.Context, users *token.Users, log *slog.Logger) {
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if changed, err := users.Refresh(); err != nil {
			log.Error("the users were not read again: those before still count", "error", err)
		} else if changed {
			log.Warn("users read", "count", users.Len())
		}
	}
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
	o := token.Options{Lifetime: c.TokenLifetime, Name: c.JWTIssuer, Audience: c.JWTAudience, Skew: c.ClockSkew}
	var err error
	if c.JWTKeyFile != "" {
		o.Key, err = token.ReadKey(c.JWTKeyFile)
	} else {
		o.Secret, err = c.secret(log)
	}
	if err != nil {
		return nil, nil, err
	}
	for _, path := range c.JWTTrust {
		public, err := token.ReadPublicKey(path)
		if err != nil {
			return nil, nil, err
		}
		o.Trusted = append(o.Trusted, public)
	}
	issuer, err := token.New(o)
	if err != nil {
		return nil, nil, fmt.Errorf("%w; make a secret with: openssl rand -hex 32, a key with: openssl genpkey -algorithm ed25519", err)
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
			"the same for all replicas) or --jwt-key-file FILE, or try it out with --dev, or let everybody predict with --auth=off", secretVariable)
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
