package proxy

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/albatross-lb/albatross/internal/accesslog"
	"github.com/albatross-lb/albatross/internal/http1"
	"github.com/albatross-lb/albatross/internal/match"
	"github.com/albatross-lb/albatross/internal/metrics"
	"github.com/albatross-lb/albatross/internal/snapshot"
)

// exchange is one request and its response. What it keeps for the next one stands first.
type exchange struct {
	req     http1.Request
	resp    http1.Response
	out     []byte // the head being written
	scratch []byte // url, trace id and location, which the record refers to
	tried   []int

	passing
}

// passing is what an exchange forgets when it is over.
type passing struct {
	s        *Session
	peer     peer    // the client
	in       *buffer // what it sent: the head, and behind it what is there already
	socket   *snapshot.Socket
	listener *snapshot.Listener
	rule     *snapshot.Rule
	counters *metrics.LoadBalancerShard

	look match.Request
	rec  accesslog.Record

	// What attempts to have it served remember.
	group   *snapshot.TargetGroup
	figures *metrics.TargetGroupShard // of the group
	asked   time.Time                 // the last target was
	status  int                       // what to answer when no target serves it
	reason  string
	cause   error        // why the last attempt has failed
	upload  upload       // of the body, to a target of HTTP/2
	moved   atomic.Int64 // when a piece of either body last did, to or from such a target; Unix nanoseconds

	body   http1.Body // follows the request's body
	answer http1.Body // follows the response's
	sent   []byte     // the part of the request's body that lies in e.in
	pump   *pump      // sends the rest of it; nil when there is none
	target *snapshot.Target
	up     buffer // what the target sent
	sticky stickiness
	made   rewritten

	head   int       // length of the request's head in e.in
	start  time.Time // the request's first bytes were there
	active time.Time // something last moved
	h2     bool      // the client speaks HTTP/2: it is sent payload without chunks
	keep   bool      // the client's connection may serve another request
	broken bool      // the target's answer broke off in its body
	plain  bool      // the client is sent the payload of an answer in chunks, without them
}

var exchanges = sync.Pool{New: func() any {
	return &exchange{out: make([]byte, 0, 2048), scratch: make([]byte, 0, 1024)}
}}

func newExchange(s *Session, client peer, in *buffer) *exchange {
	e := exchanges.Get().(*exchange)
	e.begin(s, client, in)
	return e
}

// begin begins an exchange: the first bytes of a request are there.
func (e *exchange) begin(s *Session, client peer, in *buffer) {
	e.s, e.peer, e.in = s, client, in
	e.start = time.Now()
	e.active = e.start
}

// release gives the exchange back.
func (e *exchange) release() {
	e.forget()
	exchanges.Put(e)
}

// forget leaves nothing in it that could be seen again.
func (e *exchange) forget() {
	e.up.release()
	e.upload.kept.release()
	e.req.Reset()
	e.resp.Reset()
	e.out, e.scratch, e.tried = emptied(e.out), emptied(e.scratch), e.tried[:0]
	e.passing = passing{}
}

// emptied keeps a buffer's memory, unless an unusual request has made it large.
func emptied(b []byte) []byte {
	if cap(b) > largeSize {
		return nil
	}
	return b[:0]
}

// serve reads one request and answers it. It reports whether the connection can
// serve another.
func (e *exchange) serve(idle time.Duration) bool {
	if !e.arrive() {
		return false
	}
	n, err := e.readHead(idle)
	e.answerTo(n, err)
	return e.keep
}

// arrive takes the snapshot that this request is served by, and the listener it has come to.
func (e *exchange) arrive() bool {
	if e.socket = e.s.socket(); e.socket == nil {
		return false
	}
	e.listener = e.socket.Listeners[0]
	return true
}

// answerTo answers the request whose head is n bytes long, or was refused. It reports whether that is
// done: in an event loop a target may have to be waited for.
func (e *exchange) answerTo(n int, err error) (done bool) {
	if n > 0 && len(e.socket.Listeners) > 1 {
		e.listener = e.socket.Listener(e.req.Host)
	}
	if e.s.counted == nil {
		e.s.count(e.listener.LoadBalancer.Metrics)
	}
	e.counters = e.listener.LoadBalancer.Metrics.Shard(e.s.shard)
	if n == 0 {
		e.refuseHead(err)
		return true
	}
	if !e.listener.Allows(e.s.client.Addr()) {
		e.counters.RejectedConnections.Add(1)
		return true
	}
	e.s.logPlain(e.listener)
	if !e.s.tls.goodFor(e.listener) {
		e.misdirected()
		return true
	}
	e.head = n
	e.record()
	if e.readBody(n) && !e.act() {
		return false
	}
	e.end(n)
	return true
}

// readHead reads until the request's head is whole, for at most the idle timeout.
func (e *exchange) readHead(idle time.Duration) (int, error) {
	lim := e.listener.LoadBalancer.Limits
	in := e.in
	for {
		n, err := e.req.Parse(in.bytes(), lim)
		if n > 0 || err != nil {
			return n, err
		}
		if len(in.space()) == 0 && !in.grow() {
			return 0, &http1.Error{Status: 400, Reason: "HeaderTooLong"}
		}
		now := time.Now()
		left := idle - now.Sub(e.start)
		if left <= 0 {
			return 0, os.ErrDeadlineExceeded
		}
		e.peer.setReadIdle(now, left)
		if err := in.fill(e.peer); err != nil {
			return 0, err
		}
	}
}

// refuseHead answers a request whose head never came or was refused.
func (e *exchange) refuseHead(err error) {
	var bad *http1.Error
	switch {
	case errors.As(err, &bad):
		e.req.Class = bad.Class
		e.record()
		e.page(bad.Status, bad.Reason)
	case errors.Is(err, os.ErrDeadlineExceeded):
		e.record()
		e.page(408, "ClientIdle")
	default:
		return // closed, or broken, in the middle of a head: there is nobody to answer
	}
	e.keep = false
	e.end(0)
}

// misdirected refuses a request for a listener with mutual authentication that came
// on a connection which was agreed with another one (RFC 9110 section 15.5.20): its
// client has shown no certificate to this one.
func (e *exchange) misdirected() {
	e.record()
	e.page(421, "OtherListenersConnection")
	e.keep = false
	e.end(0)
}

// record opens the access log's record.
func (e *exchange) record() {
	r := &e.rec
	s := e.s
	e.keep = e.req.KeepAlive &&
		e.start.Sub(s.began) < e.listener.LoadBalancer.Attributes.ClientKeepAlive
	r.Type, r.Proto = "http", "HTTP/1.1"
	if s.tls.version != "" {
		r.Type, r.TLSProtocol, r.Cipher, r.Domain, r.CertARN = "https", s.tls.version, s.tls.cipher, s.tls.sni, s.tls.cert
	}
	switch {
	case e.h2:
		r.Type, r.Proto = "h2", "HTTP/2.0"
	case !e.req.HasVersion:
		r.Proto = ""
	case e.req.Minor == 0:
		r.Proto = "HTTP/1.0"
	}
	r.Created, r.Client, r.ConnTraceID = e.start, s.client, s.traceID
	r.RequestTime, r.TargetTime, r.ResponseTime = -1, -1, -1
	r.RulePriority = -1
	r.Method = e.req.Method
	r.UserAgent, _ = e.req.Get(http1.UserAgent)
	e.class(e.req.Class)
	e.traceID()
	e.url()
}

func (e *exchange) class(c http1.Classification) {
	if c.Tier == http1.Compliant {
		return
	}
	e.rec.Classification, e.rec.ClassReason = c.Tier.String(), c.Reason.String()
	if e.counters != nil {
		e.counters.NonCompliantRequests.Add(1)
	}
}

// readBody sees how much of the body is there already. A small one of known length
// is read whole before a target is chosen: a slow client then occupies no target,
// and the request can be sent again if a target turns out to be gone. It reports
// whether the request is to be carried on.
func (e *exchange) readBody(head int) bool {
	e.body.Reset(e.req.Framing, e.req.ContentLength)
	in := e.in
	whole := int64(head)+e.req.ContentLength <= int64(len(*in.mem)-in.r)
	for {
		n, done, err := e.body.Scan(in.bytes()[head+len(e.sent):])
		e.sent = in.bytes()[head : head+len(e.sent)+n]
		switch {
		case err != nil:
			e.refuseBody(err)
			return false
		case done:
			return true
		case e.req.Framing != http1.Length || !whole || e.req.Expect100:
			return true // streamed
		}
		e.active = time.Now()
		e.peer.setReadIdle(e.active, e.listener.LoadBalancer.Attributes.IdleTimeout)
		if err := in.fill(e.peer); err != nil {
			e.refuseBody(err)
			return false
		}
		e.active = time.Now()
	}
}

// refuseBody answers for a body that is malformed, stopped coming, or was cut off.
func (e *exchange) refuseBody(err error) {
	e.keep = false
	var bad *http1.Error
	switch {
	case errors.As(err, &bad):
		e.page(400, bad.Reason)
	case errors.Is(err, os.ErrDeadlineExceeded):
		e.page(408, "ClientIdle")
	default:
		e.page(400, "ClientClosedInBody")
	}
}

// act finds the rule and does what it says. It reports whether that is done.
func (e *exchange) act() (done bool) {
	if e.challenge() {
		return true
	}
	r := &e.req
	e.look = match.Request{Host: r.Host, Path: r.Path, Query: r.Query, Method: r.Method, Source: e.s.client.Addr(), Headers: r}
	rule, evaluated := e.listener.Match(&e.look)
	e.rule = rule
	e.counters.RuleEvaluations.Add(uint64(evaluated))
	e.rec.RulePriority, e.rec.Actions = rule.Priority, rule.Logged
	switch {
	case rule.Refused != "":
		e.page(500, rule.Refused)
	case rule.Forward != nil && !e.transform(rule.Transforms):
		e.page(500, "TransformFailure")
	case rule.Forward != nil:
		return e.forward(rule.Forward)
	case rule.Redirect != nil:
		e.redirect(rule.Redirect)
	default:
		e.fixed(rule.Fixed)
	}
	return true
}

// end settles the client's side, closes the record and counts.
func (e *exchange) end(head int) {
	in := e.in
	consumed := head + len(e.sent)
	e.rec.Received += int64(consumed)
	if e.pump != nil {
		e.keep = e.pump.settle(e) && e.keep
	} else if !e.body.Done() {
		e.keep = false // the rest of the body would be taken for a request
	}
	if e.rec.Time = e.active; !e.s.looped() || e.rec.TargetStatus == 0 { // else sending the answer has not waited for anything
		e.rec.Time = time.Now()
	}
	if !e.h2 {
		e.s.quiet = e.rec.Time
	}
	e.count()
	e.listener.LoadBalancer.Log.Write(e.s.shard, &e.rec)
	in.r += consumed // the record refers to what lies there no more
	if e.pump != nil {
		e.pump.handBack(e)
	}
	if in.r == in.w {
		in.r, in.w = 0, 0
	}
}

// count adds the finished exchange to the figures.
func (e *exchange) count() {
	c := e.counters
	c.Requests.Add(1)
	c.ProcessedBytes.Add(uint64(e.rec.Received + e.rec.Sent))
	if e.rec.TargetStatus != 0 {
		return // a target's answer; counted with the target group
	}
	c.CountELB(e.rec.Status)
}

// write sends to the client and keeps count; end says that the response ends with it.
func (e *exchange) write(p []byte, end bool) error {
	e.peer.setWriteIdle(e.active, e.listener.LoadBalancer.Attributes.IdleTimeout)
	n, err := e.peer.send(p, end, e.answer.Trailers())
	e.rec.Sent += int64(n)
	if e.peer.waited() {
		e.active = time.Now() // the target has not been waited for meanwhile
	}
	if err != nil {
		return &clientError{err}
	}
	return nil
}
