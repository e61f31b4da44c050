package match

import (
	"net/netip"
	"sync"
)

// Request is what conditions look at. Its bytes are read while Find or Explain runs and not kept.
type Request struct {
	Host []byte // as sent: any case, perhaps with a port
	// Path without the query, case kept. ALB evaluates rules after it has normalised the
	// URI; the matcher takes what it is given, and so does the target.
	Path    []byte
	Query   []byte     // behind the first `?`, without it, as sent
	Method  []byte     // case kept
	Source  netip.Addr // of the connection's peer (or of its PROXY header), never of X-Forwarded-For
	Headers Headers    // nil: none
}

// Headers gives every value of a header, in the order in which they came, until
// yield is false. Names are compared without regard to case.
type Headers interface {
	Values(name string, yield func(value []byte) bool)
}

// subject is a request made ready to be asked many times.
type subject struct {
	*Request
	name   []byte // of Host: without the port, as sent
	source netip.Addr
	notes  *notes // nil until a condition needs them
	folded folded // the name in lower case
}

// ask makes the subject ready for r.
func (s *subject) ask(r *Request) {
	s.Request, s.name, s.source = r, trimPort(r.Host), r.Source.Unmap().WithZone("")
	s.folded.set(s.name)
}

// maxNotes bounds the room that is kept for the next request, in bytes.
const maxNotes = 64 << 10

// notes hold what header and query conditions write down. They are pooled, for a
// function handed to an interface, and what it writes to, cannot live on the stack.
type notes struct {
	query  []byte // in lower case
	folded bool   // query is filled
	value  []byte // one header value in lower case

	condition *condition // asked by look
	found     bool
	look      func(value []byte) bool
}

var notesPool = sync.Pool{New: func() any {
	n := new(notes)
	n.look = n.lookAt
	return n
}}

func (s *subject) takeNotes() *notes {
	if s.notes == nil {
		s.notes = notesPool.Get().(*notes)
	}
	return s.notes
}

func (s *subject) release() {
	n := s.notes
	if n == nil {
		return
	}
	s.notes = nil
	n.query, n.folded, n.condition = n.query[:0], false, nil
	if cap(n.query) <= maxNotes && cap(n.value) <= maxNotes {
		notesPool.Put(n)
	}
}

// lookAt is called with each value of the header that the condition names.
func (n *notes) lookAt(value []byte) bool {
	n.found = n.condition.valueHolds(n, value)
	return !n.found
}
