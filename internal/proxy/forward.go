package proxy

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/albatross-lb/albatross/internal/http1"
	"github.com/albatross-lb/albatross/internal/http2"
	"github.com/albatross-lb/albatross/internal/snapshot"
	"github.com/albatross-lb/albatross/internal/upstream"
)

const (
	// maxTargets is how many targets are tried for one request before it fails.
	maxTargets = 5
	// tick is how often a wait for a target looks whether the client is still
	// there, and whether the target's time is up.
	tick = time.Second
)

// Causes of failure that are no errors of the socket.
var (
	errClientGone = errors.New("client closed the connection")
	errDrained    = errors.New("deregistration delay is over")
	errIdle       = errors.New("target did not answer within the idle timeout")
	errBody       = errors.New("request body broke off")
	errClientIdle = errors.New("client sent nothing of the body within the idle timeout")
)

// forward sends the request to a target of the action's groups and the response
// back. Targets that cannot be connected to are passed over. It reports whether that is done.
func (e *exchange) forward(f *snapshot.Forward) (done bool) {
	m := e.member(f)
	if m < 0 {
		e.page(503, "NoTargetGroupWithWeight")
		return true
	}
	member := &f.Members[m]
	group := member.Group
	e.rec.TargetGroupARN = group.ARN
	if e.mismatch(group.Config.ProtocolVersion) {
		e.page(464, "ProtocolVersionMismatch")
		return true
	}
	if !e.requestHead(group) {
		e.page(463, "TooManyXForwardedFor")
		return true
	}
	e.group, e.figures = group, member.Metrics.Shard(e.s.shard)
	e.sticky.open(e, group)
	e.status, e.reason = 503, "NoTargets"
	if e.s.looped() {
		return e.s.ask(e)
	}
	e.attempts()
	return true
}

// attempts has targets serve the request until one has, or there is none to try any more.
func (e *exchange) attempts() {
	for e.pick() {
		if e.attempted(e.attempt()) {
			return
		}
	}
}

// pick chooses the target for the next attempt. Without one it answers and gives false.
func (e *exchange) pick() bool {
	i := -1
	if len(e.tried) < maxTargets {
		i = e.choose(e.group)
	}
	if i < 0 {
		e.fail(e.status, e.reason)
		return false
	}
	e.target = e.group.Targets[i]
	e.rec.Target = e.target.Addr
	if len(e.tried) == 0 {
		e.figures.Requests.Add(1)
		if e.group.Balance.FailsOpen() {
			e.figures.UnhealthyRouting.Add(1)
		}
	}
	e.tried = append(e.tried, i)
	e.target.Load.Begin()
	return true
}

// attempted takes in how an attempt has ended. It reports whether the request is answered with
// that: only a target that nothing of it has reached is passed over.
func (e *exchange) attempted(err error) bool {
	if e.faulty(err) {
		e.target.Load.Fail()
	}
	e.target.Load.End()
	if err == nil {
		return true
	}
	e.active = time.Now()
	e.cause = err
	e.status, e.reason = e.failure(err)
	if errors.As(err, new(*connectError)) {
		return false
	}
	e.fail(e.status, e.reason)
	return true
}

// faulty tells whether it speaks against the target how an attempt has ended: a 5XX answer,
// or a connection that could not be made, broke off or fell silent.
func (e *exchange) faulty(err error) bool {
	switch {
	case err == nil:
		return e.resp.Status >= 500 || e.broken
	case errors.Is(err, errClientGone), errors.Is(err, errDrained), errors.Is(err, errBody), errors.As(err, new(*clientError)):
		return false
	case errors.Is(err, errClientIdle), errors.Is(err, errExpired), errors.Is(err, http2.ErrBusy), errors.Is(err, http2.ErrHeaderList):
		return false
	}
	return true
}

// choose gives the target for the next attempt: the one that the client sticks to
// where that may be, else the balancer's choice among those not tried yet.
func (e *exchange) choose(group *snapshot.TargetGroup) int {
	if i := e.sticky.take(); i >= 0 {
		return i
	}
	return group.Balance.Choose(e.tried, e.start)
}

// connectError means that nothing of the request has reached the target.
type connectError struct{ error }

func (e *connectError) Unwrap() error { return e.error }

// attempt makes one target serve the request. An error means that the client has
// seen nothing of a response yet.
func (e *exchange) attempt() error {
	if speaksHTTP2(e.group) {
		return e.attempt2()
	}
	if c := e.target.Pool.Get(e.s.shard, e.active, idempotent(e.req.Method)); c != nil {
		return e.settled(c, e.roundTrip(c))
	}
	return e.attemptAnew()
}

// attemptAnew is attempt on a new connection.
func (e *exchange) attemptAnew() error {
	c, err := e.target.Pool.Dial(context.Background())
	if err != nil {
		return e.unconnected(err)
	}
	e.active = time.Now()
	return e.settled(c, e.roundTrip(c))
}

// settled takes in how a round trip has ended. An idle connection that had been closed by its
// target is replaced by a new one.
func (e *exchange) settled(c *upstream.Conn, err error) error {
	if err == nil {
		return nil
	}
	c.Close()
	if c.Reused && e.repeatable(err) {
		return e.attemptAnew()
	}
	return err
}

// unconnected counts a connection that could not be made.
func (e *exchange) unconnected(err error) error {
	e.figures.ConnectionErrors.Add(1)
	if errors.As(err, new(*upstream.TLSError)) {
		e.figures.TLSErrors.Add(1)
	}
	return &connectError{err}
}

// sendError is a request that could not be sent: n bytes of it went out.
type sendError struct {
	error
	n int
}

func (e *sendError) Unwrap() error { return e.error }

// repeatable tells whether the request may go out again after an idle connection
// failed without a byte of response: when nothing of it was sent, or when doing it
// twice does no harm (RFC 9110 section 9.2.2). Both need the whole request at hand.
func (e *exchange) repeatable(err error) bool {
	var send *sendError
	switch {
	case e.pump != nil || len(e.up.bytes()) > 0:
		return false
	case errors.As(err, &send) && send.n == 0:
		return true
	case errors.Is(err, errClientGone), errors.Is(err, errIdle), errors.Is(err, errDrained):
		return false
	}
	return idempotent(e.req.Method)
}

// idempotent tells whether doing a request twice does no more than doing it once
// (RFC 9110 section 9.2.2; TRACE never gets here).
func idempotent(method []byte) bool {
	switch string(method) {
	case "GET", "HEAD", "OPTIONS", "PUT", "DELETE":
		return true
	}
	return false
}

// roundTrip sends the request on a connection and relays the response.
func (e *exchange) roundTrip(c *upstream.Conn) error {
	idle := e.listener.LoadBalancer.Attributes.IdleTimeout
	e.ask()
	if err := e.send(c, idle); err != nil {
		return err
	}
	return e.answered(c, idle)
}

// ask notes that the target is asked now. The clock was read when the request was there, or the
// last attempt failed; what lies between is microseconds, and the access log counts milliseconds.
func (e *exchange) ask() {
	e.asked = e.active
	e.rec.RequestTime = e.asked.Sub(e.start)
	e.up.r, e.up.w = 0, 0
	e.resp.Reset()
}

// answered reads the response to a request that has been sent, and relays it.
func (e *exchange) answered(c *upstream.Conn, idle time.Duration) error {
	head, err := e.responseHead(c, idle)
	if err != nil {
		return err
	}
	e.opened()
	if e.resp.Status == 101 {
		e.tunnel(c, head)
		return nil
	}
	e.giveBack(c, e.relay(c, head, idle))
	return nil
}

// opened takes down that the final response has begun.
func (e *exchange) opened() {
	e.rec.TargetTime = e.active.Sub(e.asked)
	e.rec.TargetStatus = e.resp.Status
	e.figures.CountTarget(e.resp.Status)
	e.figures.ResponseTime.Observe(e.rec.TargetTime)
}

// giveBack lets go of the connection to the target.
func (e *exchange) giveBack(c *upstream.Conn, reuse bool) {
	e.up.r = e.up.w
	if !reuse {
		c.Close()
		return
	}
	c.Doubtful = e.doubtful()
	e.target.Pool.Put(e.s.shard, c, e.active)
}

// doubtful tells of a connection to be looked at before it is used again. Its buffer is full: more than was
// asked for may be behind that. Or the answer has no body: a target that sends one all the same has it
// taken for the next answer.
func (e *exchange) doubtful() bool { return e.up.w == len(*e.up.mem) || e.bodiless() }

// bodiless tells whether the answer ends with its head whatever the head says (RFC 9112 section 6.3).
func (e *exchange) bodiless() bool {
	return string(e.req.Method) == "HEAD" || e.resp.Status == 204 || e.resp.Status == 304
}

// send sends e.out. A request that is whole with it goes out in one turn with the
// wait for its answer; the rest of a larger one is left to a pump.
func (e *exchange) send(c *upstream.Conn, idle time.Duration) error {
	c.Sock.SetWriteIdle(e.active, idle)
	if c.Plain() && e.body.Done() {
		return e.sendAndWait(c, idle)
	}
	if n, err := c.Write(e.out); err != nil {
		return &sendError{err, n}
	}
	if !e.body.Done() {
		e.pump = startPump(e, c)
	}
	return nil
}

func (e *exchange) sendAndWait(c *upstream.Conn, idle time.Duration) error {
	c.Sock.SetReadIdle(e.active, min(tick, idle))
	sent, n, err := c.Sock.WriteThenRead(e.out, e.up.space())
	if sent < len(e.out) {
		if err == nil {
			n, err = c.Write(e.out[sent:])
		}
		if err != nil {
			return &sendError{err, sent + n}
		}
		return nil
	}
	now := time.Now()
	switch {
	case err == nil:
		e.up.w = n
		e.active = now
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return e.waitOn(c, now, idle)
	}
	return err
}

// responseHead reads the head of the final response, or of a 101. Other interim
// responses go straight on to the client (RFC 9110 section 15.2). It returns the
// length of the head in e.up.
func (e *exchange) responseHead(c *upstream.Conn, idle time.Duration) (int, error) {
	for {
		n, err := e.resp.Parse(e.up.bytes(), http1.Limits{}, e.req.Method)
		if err != nil {
			return 0, err
		}
		if n > 0 {
			if e.resp.Status >= 200 || e.resp.Status == 101 {
				return n, e.upgradeWanted()
			}
			if err := e.interim(n); err != nil {
				return 0, err
			}
			continue
		}
		if len(e.up.space()) == 0 && !e.up.grow() {
			return 0, &http1.Error{Status: 502, Reason: "HeaderTooLong"}
		}
		if err := e.receive(c, idle); err != nil {
			return 0, err
		}
	}
}

// upgradeWanted: a 101 that nobody asked for, or to another protocol, would make a tunnel out of a request. A success
// of another kind means an open tunnel over HTTP/2 (RFC 8441 section 4), where the target knows of none.
func (e *exchange) upgradeWanted() error {
	switch {
	case e.resp.Status == 101 && (!e.upgrade() || !http1.EqualFold(e.resp.Upgrade, "websocket")):
		return &http1.Error{Status: 502, Reason: "UnexpectedUpgrade"}
	case e.h2 && e.resp.Status < 300 && e.resp.Status != 101 && e.upgrade():
		return &http1.Error{Status: 502, Reason: "NoUpgrade"}
	}
	return nil
}

// interim passes a 1xx response on; a client of HTTP/1.0 cannot read any.
func (e *exchange) interim(n int) error {
	if e.req.Minor == 1 {
		head := http1.AppendStatusLine(nil, e.resp.Status, e.resp.Reason)
		head = e.resp.AppendFields(head, func(*http1.Field) bool { return false })
		head = append(head, "\r\n"...)
		e.peer.setWriteIdle(e.active, e.listener.LoadBalancer.Attributes.IdleTimeout)
		if err := e.peer.interim(head); err != nil {
			return errClientGone
		}
		e.rec.Sent += int64(len(head))
	}
	e.up.r += n
	return nil
}

// receive reads once from the target into e.up. It wakes up every tick to see
// whether waiting still makes sense.
func (e *exchange) receive(c *upstream.Conn, idle time.Duration) error {
	c.Sock.SetReadIdle(e.active, min(tick, idle))
	for {
		err := e.up.fill(c)
		now := time.Now()
		if err == nil {
			e.active = now
			return nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if err := e.waitOn(c, now, idle); err != nil {
			return err
		}
	}
}

// waitOn is asked at each tick whether to go on waiting for the target.
func (e *exchange) waitOn(c *upstream.Conn, now time.Time, idle time.Duration) error {
	last := e.active
	if e.pump != nil {
		if e.pump.failed() {
			return errBody
		}
		if moved := e.pump.lastMoved(); moved.After(last) {
			last = moved
		}
	}
	if (e.pump == nil || e.pump.done()) && e.peer.gone() {
		return errClientGone
	}
	switch {
	case e.target.Ended.Load():
		return errDrained
	case now.Sub(last) < idle:
	case e.pump != nil && e.pump.reading.Load() && e.pump.blame():
		return errBody
	default:
		return errIdle
	}
	c.Sock.SetReadIdle(now, min(tick, idle))
	return nil
}

// failure gives status and reason for an attempt that failed (alb.md, section 5: codes).
func (e *exchange) failure(err error) (int, string) {
	var bad *http1.Error
	switch {
	case errors.Is(err, errClientGone):
		return 460, "ClientClosed"
	case errors.Is(err, errBody):
		return e.pump.failure()
	case errors.Is(err, errClientIdle):
		return 408, "ClientIdle"
	case errors.Is(err, errIdle):
		return 504, "TargetIdle"
	case errors.Is(err, errDrained):
		return 502, "DeregistrationDelayElapsed"
	case errors.As(err, &bad):
		return 502, "TargetResponse" + bad.Reason
	case errors.Is(err, http2.ErrBusy):
		return 503, "TargetConnectionLimit"
	case errors.Is(err, http2.ErrHeaderList):
		return 431, "TargetHeaderListSize"
	case errors.Is(err, http2.ErrResponse):
		return 502, "TargetResponseMalformed"
	case errors.Is(err, http2.ErrNoSettings):
		return 504, "TargetConnectTimeout"
	case http2.Untouched(err):
		return 502, "TargetRefusedStream"
	case errors.As(err, new(*upstream.TLSError)):
		return 502, "TargetTLSHandshake"
	case errors.As(err, new(*connectError)):
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
			return 504, "TargetConnectTimeout"
		}
		return 502, "TargetConnect"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return 504, "TargetIdle"
	case errors.Is(err, io.EOF):
		return 502, "TargetClosed"
	}
	return 502, "TargetReset"
}

// fail answers a request that no target has served. A client that has gone gets nothing.
func (e *exchange) fail(status int, reason string) {
	if status == 460 {
		e.rec.Status, e.rec.ErrorReason = status, reason
		e.keep = false
		return
	}
	e.page(status, reason)
}
