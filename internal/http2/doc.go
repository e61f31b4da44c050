// Package http2 is HTTP/2 on the wire: frames, streams, flow control (RFC 9113).
//
// A [Conn] runs one connection. Its reader, the goroutine that calls Serve, takes
// frames out of one buffer and acts on them; each request becomes a [Stream] with
// a goroutine of its own, which runs the handler in straight lines: read the
// body, write a head, write a body. Everything a connection has, its streams,
// windows, header compression and what is to be sent, stands under one mutex,
// held for moments only and never while anything blocks.
//
// # Few writes, no allocations
//
// Nobody writes to the socket but the connection's writer, a goroutine that
// exists while there is something to send. Handlers and the reader append frames
// to one buffer; the writer lets all who are ready append first, then sends what
// is there with one call, so that the answers of many streams share a TLS record
// and a system call. Streams, buffers and header memory are pooled; a header
// block is decoded straight into the text of HTTP/1.1 header lines, because that
// is what a load balancer needs next ([Request.AppendHead]): HTTP/2 requests are
// judged and classified by the same rules as HTTP/1.1 ones. HPACK is our own for
// the same reason: bytes in, bytes out, and no string per field.
//
// # Bounds
//
// What a client can make us hold on one connection is bounded to 256 KiB:
//
//	 96 KiB  request bodies not read yet: the connection's receive window. Windows
//	         are given back only as handlers read, which is the back-pressure.
//	128 KiB  header fields: those of streams under way, at most 96 KiB, and the
//	         header block that is coming in. A request for which there is no room
//	         is refused with REFUSED_STREAM, which the client may repeat.
//	 20 KiB  the read buffer, held while there is something in it
//	 12 KiB  header compression tables, and control frames to be sent
//
// A stream may have 64 KiB of those windows, RFC 9113's initial size: enough for
// 10 Mbit/s an upload at 50 ms, and a stalled one does not stop the others.
// Output waits for the socket at 32 KiB: then Write blocks. What a client can make
// us do in vain is bounded by tokens (flood.go): resets, its own or those it
// provokes, and frames that ask for nothing.
//
// A stream holds its place among the concurrent ones until its handler has ended,
// also when the client has reset it: resetting frees nothing early (CVE-2023-44487).
package http2
