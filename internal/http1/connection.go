package http1

// options is what the Connection fields of a message say.
type options struct {
	close, keepAlive, upgrade bool
	others                    int // other options: fields that are named
}

// maxOptions bounds the fields that Connection may name in one message.
const maxOptions = 64

func (o *options) add(value []byte) {
	switch { // nearly always one word
	case EqualFold(value, "keep-alive"):
		o.keepAlive = true
		return
	case EqualFold(value, "close"):
		o.close = true
		return
	}
	elements(value, func(token []byte) bool {
		switch {
		case EqualFold(token, "close"):
			o.close = true
		case EqualFold(token, "keep-alive"):
			o.keepAlive = true
		case EqualFold(token, "upgrade"):
			o.upgrade = true
		case len(token) > 0:
			o.others++
		}
		return true
	})
}

// persistent tells whether the sender wants the connection kept: RFC 9112
// section 9.3.
func (o *options) persistent(minor int) bool {
	return !o.close && (minor >= 1 || o.keepAlive)
}

// neverHop are fields that Connection may not name away: they decide framing,
// routing or who the client is. Naming them is an old way past a proxy.
var neverHop = [fieldIDs]bool{
	Authorization: true, ContentLength: true, ContentType: true, Cookie: true, Forwarded: true, Host: true,
	SetCookie: true, TransferEncoding: true, XAmznTraceID: true, XAmznTLSVersion: true, XAmznTLSCipherSuite: true,
	XAmznOIDCData: true, XAmznOIDCIdentity: true, XAmznOIDCAccessToken: true,
	XForwardedFor: true, XForwardedHost: true, XForwardedPort: true, XForwardedProto: true,
}

// flagNamed flags Hop on the fields that Connection names.
func (h *Head) flagNamed() {
	for token := range h.ConnectionTokens() {
		for i := range h.Fields {
			f := &h.Fields[i]
			if !neverHop[f.ID] && EqualFold(h.Name(f), token) {
				f.Flags |= Hop
			}
		}
	}
}
