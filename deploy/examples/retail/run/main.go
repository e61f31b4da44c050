// Command run is what `make run` starts: the whole example on one machine, with one
// key to end it. It starts three replicas of the Retail Prediction API and one
// load balancer that reads the manifests of the folder above, waits until every
// one of them answers, and prints where to look and what to try. What they log on the way
// there is in run.log of the state folder, and on the terminal where the start fails.
//
// It keeps a state folder (default "state"): the secret that signs tokens, the
// demo user and the password, each made at random on the first run, readable by
// their owner only, and kept for the next run; beside them what the load balancer
// keeps, its local certificate authority above all. The manifests name the ports
// 8001 to 8003. With other ports (--api) the program writes adjusted copies into
// the state folder and serves those; the originals stay as they are.
//
// Nothing outlives it. Each child has a process group of its own, so that a Ctrl-C in
// the terminal reaches this program alone, which then ends the load balancer
// first and the replicas after it, politely, then by force. On Linux the kernel ends the
// children even where this program is killed (Pdeathsig). The death of the
// load balancer ends the rest; the death of a replica does not: that is what
// a load balancer is for, and the line that starts it again is printed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	albatross, api string // binaries; "" builds them
	manifests      string // folder
	state          string // folder
	bind           string // address of the load balancer's listeners; "" is every one
	http, https    int    // where ports 80 and 443 of the manifests are served
	admin          int    // the load balancer's admin API, on loopback
	base           int    // the first replica's port; the others follow
	auth           string // on | off
}

// replicas is how many targets the manifests name.
const replicas = 3

// drain is how long requests under way may take to end after Ctrl-C. A replica takes
// all of its time, to be seen leaving; by then nobody sends to it any more.
const (
	drain        = 5 * time.Second
	replicaDrain = 500 * time.Millisecond
)

// manifestBase is the first replica's port as the manifests have it.
const manifestBase = 8001

func main() {
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "run:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "run:", err)
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("run", flag.ContinueOnError)
	f.StringVar(&o.albatross, "albatross", "", "the load balancer's `binary` (default: build it)")
	f.StringVar(&o.api, "retail-api", "", "the API's `binary` (default: build it)")
	f.StringVar(&o.manifests, "manifests", "deploy/examples/retail", "`folder` of manifests to serve")
	f.StringVar(&o.state, "state", "state", "`folder` for secrets, certificates and logs")
	f.StringVar(&o.bind, "bind", "", "`address` to serve on (default: all)")
	f.IntVar(&o.http, "http", 8080, "`port` that serves the manifests' port 80")
	f.IntVar(&o.https, "https", 8443, "`port` that serves the manifests' port 443")
	f.IntVar(&o.admin, "admin", 9901, "`port` of the admin API, on loopback")
	f.IntVar(&o.base, "api", manifestBase, "`port` of the first replica; the other two take the next ones")
	f.StringVar(&o.auth, "auth", "on", "`on or off`: whether predictions need a token")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q: this program takes flags only", f.Arg(0))
	}
	if o.auth != "on" && o.auth != "off" {
		return o, fmt.Errorf("--auth is %q: write on or off", o.auth)
	}
	return o, nil
}

// run does it all and returns when the context is done (nil) or something went wrong.
func run(ctx context.Context, o options, out *os.File) (err error) {
	defer func() {
		if ctx.Err() != nil {
			err = nil // Ctrl-C is how this ends, whatever it has interrupted
		}
	}()
	if err := checkPorts(o); err != nil {
		return err
	}
	if err := build(ctx, &o, out); err != nil {
		return err
	}
	secret, err := prepare(ctx, o)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(secret.log, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("opening the log: %w", err)
	}
	defer log.Close()
	group := newGroup(out, log)
	defer group.stop()
	where, err := startAll(ctx, o, secret, group)
	if err != nil {
		group.failed()
		return err
	}
	group.begin(welcome(o, where, secret))
	return watch(ctx, group)
}

// startAll starts everything, and waits until it answers.
func startAll(ctx context.Context, o options, secret secrets, group *group) (endpoints, error) {
	for i := range replicas {
		if err := group.start(fmt.Sprintf("api-%d", i+1), "serves", o.api, apiArgs(o, secret, i)...); err != nil {
			return endpoints{}, err
		}
	}
	if err := group.start("albatross", "configuration applied", o.albatross, albatrossArgs(o, secret)...); err != nil {
		return endpoints{}, err
	}
	return waitReady(ctx, o, group)
}

// watch returns when the context is done or the load balancer is gone.
func watch(ctx context.Context, group *group) error {
	for {
		select {
		case <-ctx.Done():
			group.print("stopping\n")
			return nil
		case p := <-group.ended:
			if p.name == "albatross" {
				return fmt.Errorf("albatross ended: %s", p.verdict())
			}
			group.print(fmt.Sprintf("%s ended (%s): its requests go to the other replicas now. To start it again:\n  %s\n",
				p.name, p.verdict(), p.commandLine()))
		}
	}
}

func apiArgs(o options, s secrets, i int) []string {
	args := []string{"--listen", fmt.Sprintf("127.0.0.1:%d", o.base+i), "--name", fmt.Sprintf("retail-api-%d", i+1), "--auth=" + o.auth, "--drain", replicaDrain.String(), "--quiet"}
	if o.auth == "on" {
		args = append(args, "--users", s.usersFile, "--jwt-secret-file", s.jwtFile)
	}
	return args
}

func albatrossArgs(o options, s secrets) []string {
	args := []string{"run", "--dev", "--port-map", fmt.Sprintf("80=%d,443=%d", o.http, o.https),
		"--admin", fmt.Sprintf("127.0.0.1:%d", o.admin), "--state", o.state, "--drain", drain.String()}
	if o.bind != "" {
		args = append(args, "--bind", o.bind)
	}
	return append(args, s.manifests)
}
