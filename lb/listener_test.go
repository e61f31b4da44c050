package lb

import "testing"

// A port of TCP and one of UDP are two, whatever their number.
func TestListenersMeet(t *testing.T) {
	on := func(p Protocol, port int) *Listener { return &Listener{Port: port, Protocol: p} }
	for _, c := range []struct {
		x, y *Listener
		want bool
	}{
		{on(TCP, 53), on(UDP, 53), false},
		{on(TLS, 53), on(UDP, 53), false},
		{on(TCP, 53), on(TLS, 53), true},
		{on(TCP, 53), on(TCPUDP, 53), true},
		{on(UDP, 53), on(TCPUDP, 53), true},
		{on(UDP, 53), on(UDP, 53), true},
		{on(UDP, 53), on(UDP, 54), false},
		{on(HTTP, 80), on(HTTPS, 80), true},
	} {
		if c.x.meets(c.y) != c.want || c.y.meets(c.x) != c.want {
			t.Errorf("%s:%d and %s:%d meet: %v", c.x.Protocol, c.x.Port, c.y.Protocol, c.y.Port, !c.want)
		}
	}
	b := &LoadBalancer{Key: "net/dns", Type: Network}
	if b.ListenerID(on(TCP, 53)) == b.ListenerID(on(UDP, 53)) {
		t.Error("two listeners have one id")
	}
	if b.ListenerID(on(TCP, 53)) != b.ListenerID(on(TLS, 53)) {
		t.Error("a listener that turns to TLS gets another id")
	}
}
