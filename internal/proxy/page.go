package proxy

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/albatross-lb/albatross/internal/http1"
	"github.com/albatross-lb/albatross/internal/snapshot"
)

// serverName is what ALB calls itself in the pages that it makes.
const serverName = "awselb/2.0"

// page answers with one of the load balancer's own error pages and notes why.
func (e *exchange) page(status int, reason string) {
	e.rec.ErrorReason = reason
	if status >= 500 && e.grpc() {
		e.trailersOnly(status)
		return
	}
	title := strconv.Itoa(status) + " " + statusText(status)
	if status == 400 || status == 408 || status == 413 || status == 414 {
		e.keep = false
	}
	e.own(status, "text/html", "<html>\r\n<head><title>"+title+"</title></head>\r\n<body>\r\n<center><h1>"+title+
		"</h1></center>\r\n</body>\r\n</html>\r\n", nil)
}

// fixed answers with a fixed-response action.
func (e *exchange) fixed(f *snapshot.Fixed) {
	e.counters.FixedResponses.Add(1)
	e.own(f.Status, f.ContentType, f.Body, nil)
}

// redirect answers with a redirect action. The page is ALB's.
func (e *exchange) redirect(r *snapshot.Redirect) {
	e.counters.Redirects.Add(1)
	protocol := "http"
	if e.socket.Secure {
		protocol = "https"
	}
	host := e.req.Host
	if len(host) == 0 { // HTTP/1.0: the address that the client knows us by
		host = []byte(e.s.accepted.Local().String())
	}
	start := len(e.scratch)
	e.scratch = r.Location(e.scratch, protocol, host, e.listener.PublicPort, e.req.Path, e.req.Query)
	location := e.scratch[start:]
	e.rec.RedirectURL = location
	title := strconv.Itoa(r.Status) + " " + statusText(r.Status)
	e.own(r.Status, "text/html", "<html>\r\n<head><title>"+title+"</title></head>\r\n<body>\r\n<center><h1>"+title+
		"</h1></center>\r\n</body>\r\n</html>\r\n", location)
}

// own writes a whole response of the load balancer's own.
func (e *exchange) own(status int, contentType, body string, location []byte) {
	e.rec.Status = status
	e.active = time.Now() // a target may have been waited for until now
	if !e.body.Done() || e.pump != nil {
		e.keep = false // part of the request is still unread
	}
	out := http1.AppendStatusLine(e.out[:0], status, statusText(status))
	if e.listener.Attributes.Server {
		out = http1.AppendLine(out, "Server", serverName)
	}
	out = append(out, "Date: "...)
	out = append(out, date(e.start)...)
	out = append(out, "\r\n"...)
	if len(body) > 0 {
		out = http1.AppendLine(out, "Content-Type", contentType)
	}
	out = http1.AppendIntLine(out, "Content-Length", int64(len(body)))
	if location != nil {
		out = http1.AppendLine(out, "Location", location)
	}
	out = append(out, e.listener.ResponseHeaders...)
	out = e.appendConnection(out, true)
	out = append(out, "\r\n"...)
	if string(e.req.Method) == "HEAD" {
		body = ""
	}
	err := e.open(out, len(body) == 0)
	if err == nil {
		e.out = append(e.out, body...)
		err = e.write(e.out, true)
	}
	if err != nil {
		e.keep = false
	}
}

// appendConnection tells the client what becomes of the connection. HTTP/1.1 needs
// to be told only of the end, but ALB says keep-alive on its own pages.
func (e *exchange) appendConnection(out []byte, own bool) []byte {
	e.keep = e.keep && !e.s.draining.Load() // since the request came, perhaps
	switch {
	case !e.keep:
		return append(out, "Connection: close\r\n"...)
	case own || e.req.Minor == 0:
		return append(out, "Connection: keep-alive\r\n"...)
	}
	return out
}

// dateFormat is that of RFC 9110 section 5.6.7.
const dateFormat = "Mon, 02 Jan 2006 15:04:05 GMT"

// dated is the Date header of one second.
type dated struct {
	second int64
	text   []byte
}

var today atomic.Pointer[dated]

// date gives t as a Date header has it (RFC 9110 section 5.6.7), formatted once a second.
func date(t time.Time) []byte {
	d := today.Load()
	if d == nil || d.second != t.Unix() {
		d = &dated{t.Unix(), []byte(t.UTC().Format(dateFormat))}
		today.Store(d)
	}
	return d.text
}
