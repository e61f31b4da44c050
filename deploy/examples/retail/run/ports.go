package main

import (
	"fmt"
	"net"
	"strconv"
)

// checkPorts finds out before anything starts whether every port can be had. A
// taken one is an error that names the port and how to choose another.
func checkPorts(o options) error {
	type port struct {
		address, flag, variable string
		number                  int
		choice                  int // what to pass to get another
	}
	ports := []port{
		{o.bind, "--http", "HTTP", o.http, o.http + 1000},
		{o.bind, "--https", "HTTPS", o.https, o.https + 1000},
		{"127.0.0.1", "--admin", "ADMIN", o.admin, o.admin + 1000},
	}
	for i := range replicas {
		ports = append(ports, port{"127.0.0.1", "--api", "API", o.base + i, o.base + 1000})
	}
	seen := map[int]string{}
	for _, p := range ports {
		if p.number < 1 || p.number > 65535 {
			return fmt.Errorf("%s: %d is not a port: write 1 to 65535", p.flag, p.number)
		}
		if other, twice := seen[p.number]; twice {
			return fmt.Errorf("port %d is asked for twice, by %s and %s", p.number, other, p.flag)
		}
		seen[p.number] = p.flag
		if err := free(p.address, p.number); err != nil {
			return fmt.Errorf("port %d is taken (%w): end what listens there, or choose another with `make run %s=%d` (flag %s)",
				p.number, err, p.variable, p.choice, p.flag)
		}
	}
	return nil
}

// free tries a port by listening on it. With no address, the port must be free
// on every address and on loopback: some systems let two programs share a port when
// one of them names an address.
func free(address string, port int) error {
	addresses := []string{address}
	if address == "" {
		addresses = []string{"127.0.0.1", ""}
	}
	for _, a := range addresses {
		listener, err := net.Listen("tcp", net.JoinHostPort(a, strconv.Itoa(port)))
		if err != nil {
			return err
		}
		listener.Close()
	}
	return nil
}
