package main

import (
	"context"
	"time"

	"github.com/albatross-lb/albatross/internal/certs"
	"github.com/albatross-lb/albatross/internal/control"
)

// acmEvery is how often the certificates of the state folder are looked at.
const acmEvery = 2 * time.Second

// acmWatch tells the control loop when certificates of the state folder change: the
// configuration is the same, and what it comes to is not.
type acmWatch struct{ store *certs.ARNStore }

// Run implements control.Source.
func (w acmWatch) Run(ctx context.Context, send func(control.Update)) error {
	tick := time.NewTicker(acmEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if w.store.Changed() {
				send(control.Update{Origin: "acm", Again: true})
			}
		}
	}
}
