// Command rest opens connections to a proxy, has a request answered on each, prints
// "resting", and keeps them open without another word until it is ended.
//
// It is a program of its own because a process may have only so many open files:
// the driver could not hold the connections to several proxies at once.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/albatross-lb/albatross/bench/client"
)

func main() {
	address := flag.String("address", "", "`address` of the proxy")
	path := flag.String("path", "/", "`path` of the requests")
	secure := flag.Bool("tls", false, "connect by TLS")
	n := flag.Int("n", 1000, "`number` of connections")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	request := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", *path, *address)
	idle, err := client.Rest(ctx, *address, *secure, request, *n)
	if err != nil {
		fmt.Fprintln(os.Stderr, "rest:", err)
		os.Exit(1)
	}
	defer idle.Close()
	fmt.Println("resting")
	<-ctx.Done()
}
