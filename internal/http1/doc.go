// Package http1 is HTTP/1.1 on the wire: bytes in, bytes out.
//
// It reads the heads of requests and responses, follows their bodies, tells how
// far a request departs from the standard, and writes the few lines a load
// balancer adds. It owns no socket, no goroutine and no buffer: the caller reads
// into a buffer of its own and hands the bytes over; everything returned is an
// offset into that buffer. There is no map of headers. A load balancer passes
// most lines on as they came, so a head is kept as its bytes and a list of
// [Field], and the lines that matter carry a [FieldID] recognised on the way.
//
// # One pass
//
// [Request.Parse] and [Response.Parse] walk the head once. Names are read byte by
// byte against a table, values eight bytes at a time looking for a control
// character; the CR that ends an ordinary line is the first one met. A line in
// which anything else turns up takes the slow road, where it is cut up with
// care and flagged. Called again with a longer buffer they go on where they
// stopped, so a head that trickles in is not read over and over.
//
// # One framing
//
// A load balancer and a target that disagree on where a message ends are how
// requests are smuggled. Three rules keep them in agreement:
//
//   - What has no certain end (RFC 9112 section 6.3) is refused in every mode.
//   - What is let through in spite of a flaw gets one framing, chosen here, and
//     the lines another parser could read otherwise are flagged [Drop]. Where
//     that takes away the framing line itself, WriteFraming asks the caller to
//     write it anew ([AppendFraming]).
//   - [Body] checks every byte of chunk framing and trailers as it passes, and
//     accepts only the spelling that all parsers read alike.
//
// # Desync mitigation
//
// [Classification] grades a request as AWS's desync mitigation does: Compliant,
// Acceptable, Ambiguous or Severe, with the reason that goes to the access log.
// The rules are those of aws/http-desync-guardian, the library AWS names behind
// ALB's modes. They cost nothing on an ordinary request: the pass that reads the
// head sees no suspicious byte, and the rules are not run. The [Mode] decides
// what is refused.
package http1
