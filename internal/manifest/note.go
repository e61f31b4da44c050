package manifest

import "github.com/albatross-lb/albatross/lb"

func (b *builder) notePassedOver(origin lb.Origin) {
	if origin.Kind == "" {
		b.note(origin, "", "this is not a Kubernetes object (it has no kind); passed over")
		return
	}
	b.note(origin, "", "a %s says nothing to a load balancer; passed over", origin.Kind)
}

func (b *builder) noteConfig() {}
