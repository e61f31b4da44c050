package retail

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// The limits of a connection.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 30 * time.Second // head and body of one request
	writeTimeout      = 60 * time.Second // from the end of the head to the end of the answer
	// idleTimeout is longer than the 60 seconds after which load balancers close idle connections: if this side closed
	// first, a request could be on its way already.
	idleTimeout    = 75 * time.Second
	maxHeaderBytes = 16 << 10
)

// Stopping says how long the end of a replica may take.
type Stopping struct {
	// Drain is how long to go on serving with failing health checks, so that load balancers notice and turn away. It should
	// be longer than a health check's interval times its unhealthy threshold.
	Drain time.Duration
	// Grace is how long requests in flight may take after that.
	Grace time.Duration
}

// Serve answers requests on l until ctx ends, and then stops in two steps: health checks fail at once while everything
// else is served on for a while, then no new requests are taken and those in flight end. It returns nil when all of them
// did. It closes l.
func (s *Server) Serve(ctx context.Context, l net.Listener, stop Stopping) error {
	server := &http.Server{
		Handler: s, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	select {
	case err := <-served:
		return fmt.Errorf("serving on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	s.stopping.Store(true)
	s.Log.Warn("stopping", "drain", stop.Drain)
	drained := time.NewTimer(stop.Drain)
	defer drained.Stop()
	select {
	case err := <-served:
		return fmt.Errorf("serving on %s: %w", l.Addr(), err)
	case <-drained.C:
	}
	deadline, cancel := context.WithTimeout(context.Background(), stop.Grace)
	defer cancel()
	if err := server.Shutdown(deadline); err != nil {
		server.Close()
		return fmt.Errorf("waiting %v for requests in flight: %w", stop.Grace, err)
	}
	return nil
}
