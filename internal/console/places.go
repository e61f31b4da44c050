package console

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// places bounds how many connections the admin API has at a time. One more takes the place of the one that has been
// without a request for longest, so that nobody who opens connections and says nothing keeps a probe
// from being answered. While every place is taken by a request under way, it is closed.
type places struct {
	net.Listener
	most int

	mu    sync.Mutex
	taken map[*place]struct{}
}

// place is that of one connection.
type place struct {
	net.Conn
	of     *places
	asking int       // requests under way: one, or none
	since  time.Time // when there were last none
}

func newPlaces(l net.Listener, most int) *places {
	return &places{Listener: l, most: most, taken: map[*place]struct{}{}}
}

// Accept waits for a connection and gives it a place.
func (p *places) Accept() (net.Conn, error) {
	for {
		c, err := p.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if taken := p.take(c); taken != nil {
			return taken, nil
		}
		c.Close()
	}
}

// take gives a connection a place; nil where there is none.
func (p *places) take(c net.Conn) *place {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.taken) >= p.most {
		idle := p.longestIdle()
		if idle == nil {
			return nil
		}
		delete(p.taken, idle)
		idle.Conn.Close()
	}
	taken := &place{Conn: c, of: p, since: time.Now()}
	p.taken[taken] = struct{}{}
	return taken
}

func (p *places) longestIdle() (longest *place) {
	for c := range p.taken {
		if c.asking == 0 && (longest == nil || c.since.Before(longest.since)) {
			longest = c
		}
	}
	return longest
}

// Close gives the place back.
func (c *place) Close() error {
	c.of.mu.Lock()
	delete(c.of.taken, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

func (c *place) ask(one int) {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	c.asking += one
	c.since = time.Now()
}

type placeKey struct{}

// withPlace is the ConnContext of an http.Server whose listener is places.
func withPlace(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, placeKey{}, c)
}

// occupied is h, with the place of a connection occupied as long as a request of it is under way.
func (p *places) occupied(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(placeKey{}).(*place); ok {
			c.ask(+1)
			defer c.ask(-1)
		}
		h.ServeHTTP(w, r)
	})
}
