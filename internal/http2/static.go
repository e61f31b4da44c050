package http2

// staticFields is HPACK's static table (RFC 7541 appendix A); index 1 is the first.
var staticFields = [...]struct{ name, value string }{
	{":authority", ""}, {":method", "GET"}, {":method", "POST"}, {":path", "/"}, {":path", "/index.html"},
	{":scheme", "http"}, {":scheme", "https"}, {":status", "200"}, {":status", "204"}, {":status", "206"},
	{":status", "304"}, {":status", "400"}, {":status", "404"}, {":status", "500"}, {"accept-charset", ""},
	{"accept-encoding", "gzip, deflate"}, {"accept-language", ""}, {"accept-ranges", ""}, {"accept", ""},
	{"access-control-allow-origin", ""}, {"age", ""}, {"allow", ""}, {"authorization", ""}, {"cache-control", ""},
	{"content-disposition", ""}, {"content-encoding", ""}, {"content-language", ""}, {"content-length", ""},
	{"content-location", ""}, {"content-range", ""}, {"content-type", ""}, {"cookie", ""}, {"date", ""}, {"etag", ""},
	{"expect", ""}, {"expires", ""}, {"from", ""}, {"host", ""}, {"if-match", ""}, {"if-modified-since", ""},
	{"if-none-match", ""}, {"if-range", ""}, {"if-unmodified-since", ""}, {"last-modified", ""}, {"link", ""},
	{"location", ""}, {"max-forwards", ""}, {"proxy-authenticate", ""}, {"proxy-authorization", ""}, {"range", ""},
	{"referer", ""}, {"refresh", ""}, {"retry-after", ""}, {"server", ""}, {"set-cookie", ""},
	{"strict-transport-security", ""}, {"transfer-encoding", ""}, {"user-agent", ""}, {"vary", ""}, {"via", ""},
	{"www-authenticate", ""},
}

// nameID is a field name that was recognised: the index of its first entry in the
// static table, or one of the names behind it that concern us. 0 is any other.
type nameID uint8

const (
	nameAuthority          nameID = 1
	nameMethod             nameID = 2
	namePath               nameID = 4
	nameScheme             nameID = 6
	nameStatus             nameID = 8
	nameAge                nameID = 21
	nameAuthorization      nameID = 23
	nameContentLength      nameID = 28
	nameContentRange       nameID = 30
	nameCookie             nameID = 32
	nameETag               nameID = 34
	nameExpires            nameID = 36
	nameHost               nameID = 38
	nameIfModifiedSince    nameID = 40
	nameIfNoneMatch        nameID = 41
	nameLastModified       nameID = 44
	nameLocation           nameID = 46
	nameProxyAuthorization nameID = 49
	nameSetCookie          nameID = 55
	nameTransferEncoding   nameID = 57

	lastStatic nameID = 61
)

const (
	nameConnection nameID = iota + lastStatic + 1
	nameHTTP2Settings
	nameKeepAlive
	nameProtocol
	nameProxyConnection
	nameTE
	nameTraceID
	nameRequestID
	nameUpgrade
)

var moreNames = [...]string{"connection", "http2-settings", "keep-alive", ":protocol", "proxy-connection", "te",
	"x-amzn-trace-id", "x-request-id", "upgrade"}

func (id nameID) String() string {
	switch {
	case id == 0:
		return ""
	case id <= lastStatic:
		return staticFields[id-1].name
	}
	return moreNames[id-lastStatic-1]
}

// nameTable finds names by slot; where two share one, the next free one is taken.
var nameTable = func() (t [256]nameID) {
	add := func(id nameID) {
		slot := nameSlot([]byte(id.String()))
		for t[slot] != 0 && t[slot].String() != id.String() {
			slot++
		}
		if t[slot] == 0 {
			t[slot] = id
		}
	}
	for id := nameID(1); int(id) <= int(lastStatic)+len(moreNames); id++ {
		add(id)
	}
	return t
}()

func nameSlot(name []byte) uint8 {
	n := len(name)
	return uint8(n)*5 + name[0]*3 + name[n*3/4]*199 + name[n-1]*7
}

// lookupName recognises a lower-case field name.
func lookupName(name []byte) nameID {
	if len(name) == 0 {
		return 0
	}
	for slot := nameSlot(name); nameTable[slot] != 0; slot++ {
		if id := nameTable[slot]; id.String() == string(name) {
			return id
		}
	}
	return 0
}
