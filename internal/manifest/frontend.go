package manifest

import "github.com/albatross-lb/albatross/lb"

func (b *builder) checkFrontend(all *merged) (*member, error) { return nil, nil }

func (b *builder) frontend(all *merged, behind *lb.LoadBalancer) *lb.LoadBalancer { return nil }
