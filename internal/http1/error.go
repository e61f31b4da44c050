package http1

import "strconv"

// Error tells why a message was refused. The connection it came on can't be used
// further: where the next message begins is not known.
type Error struct {
	// Status to answer with: 400, 405, 414, 501 or 505 for a request, 502 for a
	// response. Errors of a Body say 400; for a response's body there is no
	// answer left to give but to cut the connection.
	Status int
	// Reason is one word for the log: a word of desync mitigation (BadHeader,
	// MultipleContentLength...) or of this package (HeaderTooLong, MissingHost...).
	Reason string
	// Class is what the classification had found when the message was refused.
	Class Classification
}

func (e *Error) Error() string {
	return "http1: message refused with " + strconv.Itoa(e.Status) + ": " + e.Reason
}

// Mode is ALB's routing.http.desync_mitigation_mode.
type Mode uint8

const (
	// Defensive refuses Severe requests with 400 and lets Ambiguous ones pass on
	// connections that are closed behind them. ALB's default.
	Defensive Mode = iota
	// Monitor lets pass what can be given one certain framing, and counts.
	Monitor
	// Strictest lets only Compliant requests pass.
	Strictest
)

var modeNames = [...]string{"defensive", "monitor", "strictest"}

// String gives the attribute's value: defensive, monitor or strictest.
func (m Mode) String() string {
	if int(m) < len(modeNames) {
		return modeNames[m]
	}
	return ""
}

// ParseMode reads the attribute's value.
func ParseMode(s string) (m Mode, ok bool) {
	for i, name := range modeNames {
		if s == name {
			return Mode(i), true
		}
	}
	return Defensive, false
}

// Limits bound a head. Zero means the default, which is ALB's quota.
type Limits struct {
	Line   int  // bytes of the request or status line without its end; 16 KiB
	Field  int  // bytes of one header line without its end; 16 KiB
	Head   int  // bytes of the whole head; 64 KiB for a request, 32 KiB for a response
	Fields int  // header lines; 1000. Not an ALB quota: it bounds our own memory.
	Mode   Mode // requests only
	// Framed: the request came by a protocol whose framing does not depend on fields,
	// HTTP/2, and is written as HTTP/1.1 only now. It is always Compliant, as
	// http-desync-guardian has it: [ClassifyRequest].
	Framed bool
}

const (
	defaultLine         = 16 << 10
	defaultField        = 16 << 10
	defaultRequestHead  = 64 << 10
	defaultResponseHead = 32 << 10
	defaultFields       = 1000
)

func (l *Limits) fill(head int) {
	if l.Line == 0 {
		l.Line = defaultLine
	}
	if l.Field == 0 {
		l.Field = defaultField
	}
	if l.Head == 0 {
		l.Head = head
	}
	if l.Fields == 0 {
		l.Fields = defaultFields
	}
}
