package http1

// FieldID names the header fields that the load balancer acts on. A name is
// recognised once, while its line is read, so that nobody compares strings later.
type FieldID uint8

// The fields known by name. Every other one is Other.
const (
	Other FieldID = iota
	Accept
	AcceptEncoding
	Authorization
	CacheControl
	Connection
	ContentEncoding
	ContentLength
	ContentType
	Cookie
	Date
	Expect
	Forwarded
	Host
	HTTP2Settings
	KeepAlive
	Location
	Origin
	ProxyConnection
	Referer
	Server
	SetCookie
	TE
	Trailer
	TransferEncoding
	Upgrade
	UserAgent
	XAmznTraceID
	XAmznTLSVersion
	XAmznTLSCipherSuite
	XAmznOIDCData
	XAmznOIDCIdentity
	XAmznOIDCAccessToken
	XForwardedFor
	XForwardedHost
	XForwardedPort
	XForwardedProto
	fieldIDs
)

var fieldNames = [fieldIDs]string{
	Accept:               "Accept",
	AcceptEncoding:       "Accept-Encoding",
	Authorization:        "Authorization",
	CacheControl:         "Cache-Control",
	Connection:           "Connection",
	ContentEncoding:      "Content-Encoding",
	ContentLength:        "Content-Length",
	ContentType:          "Content-Type",
	Cookie:               "Cookie",
	Date:                 "Date",
	Expect:               "Expect",
	Forwarded:            "Forwarded",
	Host:                 "Host",
	HTTP2Settings:        "HTTP2-Settings",
	KeepAlive:            "Keep-Alive",
	Location:             "Location",
	Origin:               "Origin",
	ProxyConnection:      "Proxy-Connection",
	Referer:              "Referer",
	Server:               "Server",
	SetCookie:            "Set-Cookie",
	TE:                   "TE",
	Trailer:              "Trailer",
	TransferEncoding:     "Transfer-Encoding",
	Upgrade:              "Upgrade",
	UserAgent:            "User-Agent",
	XAmznTraceID:         "X-Amzn-Trace-Id",
	XAmznTLSVersion:      "X-Amzn-Tls-Version",
	XAmznTLSCipherSuite:  "X-Amzn-Tls-Cipher-Suite",
	XAmznOIDCData:        "X-Amzn-Oidc-Data",
	XAmznOIDCIdentity:    "X-Amzn-Oidc-Identity",
	XAmznOIDCAccessToken: "X-Amzn-Oidc-Accesstoken",
	XForwardedFor:        "X-Forwarded-For",
	XForwardedHost:       "X-Forwarded-Host",
	XForwardedPort:       "X-Forwarded-Port",
	XForwardedProto:      "X-Forwarded-Proto",
}

// String gives the field's name as the load balancer writes it; "" for Other.
func (id FieldID) String() string {
	if id >= fieldIDs {
		return ""
	}
	return fieldNames[id]
}

// fieldTable holds the known names by slot; no two share one (a test says so).
var fieldTable = func() (t [256]FieldID) {
	for id := Other + 1; id < fieldIDs; id++ {
		t[fieldSlot([]byte(fieldNames[id]))] = id
	}
	return t
}()

// fieldSlot spreads names over fieldTable by length and two letters; places and
// factors were searched for so that the known names do not collide.
func fieldSlot(name []byte) uint8 {
	n := len(name)
	return uint8(n) + (name[0]|0x20)*3 + (name[n*3/4]|0x20)*199
}

// LookupField recognises a field name, whatever its case.
// The name must be a token: not empty, and of tchar only.
func LookupField(name []byte) FieldID {
	id := fieldTable[fieldSlot(name)]
	known := fieldNames[id]
	if len(known) != len(name) {
		return Other
	}
	// Setting bit 5 folds letters, and maps no other tchar onto a letter, a
	// digit or '-', which are all that known names are made of.
	for i := range name {
		if name[i]|0x20 != known[i]|0x20 {
			return Other
		}
	}
	return id
}

// ValidFieldName reports whether ALB counts the name as valid: [-A-Za-z0-9]+.
// It is the rule of routing.http.drop_invalid_header_fields.enabled, narrower
// than the token of RFC 9110 section 5.1.
func ValidFieldName(name []byte) bool {
	return len(name) > 0 && allOf(name, plain)
}

// Flags say what a field needs before it may be passed on.
type Flags uint8

const (
	// Drop: the line must not be forwarded. Another parser could read it as
	// something else: a name that is no token or imitates Transfer-Encoding or
	// Content-Length, a framing line that another one overrules.
	Drop Flags = 1 << iota
	// Hop: the field is for this connection only (RFC 9110 section 7.6.1):
	// Connection, the fields it names, and those that are so by nature.
	Hop
	// Rewrite: the line is good but its line end is not CRLF; write it with
	// [Head.AppendField] instead of copying it.
	Rewrite
	// Unusual: the name is a token, but not one that ALB counts as valid (ValidFieldName).
	Unusual

	folded  // the line continues the one before it (obs-fold)
	noColon // the line is no field at all
	leading // the line begins with a blank and stands before any field
)

// Field is one line of a head, as offsets into Head.Raw.
type Field struct {
	ID                                        FieldID
	Flags                                     Flags
	start, nameEnd, valueStart, valueEnd, end uint32
}
