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
// judged by the same rules as HTTP/1.1 ones. HPACK is our own for the same reason:
// bytes in, bytes out, and no string per field.
//
// # Bounds
//
// What a client can make us hold on one connection is bounded to 352 KiB and the
// bodies of its requests:
//
//	  8 MiB  request bodies not read yet: a window of 64 KiB for each of 128 streams
//	128 KiB  header fields: those of streams under way, at most 96 KiB, and the
//	         header block that is coming in. A request for which there is no room
//	         is refused with REFUSED_STREAM, which the client may repeat.
//	192 KiB  frames: 96 KiB that wait to be sent, and as much that the socket is taking.
//	         At 32 KiB Write blocks, and where answers to PING and the like fill the
//	         rest, the reader does: who does not read is not read from.
//	 20 KiB  the read buffer, held while there is something in it
//	 12 KiB  header compression tables
//
// Windows are given back only as handlers read, which is the back-pressure. That of a
// connection has room for those of all its streams, on both sides: however many
// uploads their targets do not take, and however many clients do not read what a
// target sends on a connection that they share, the other streams move (RFC 9113
// section 5.2). A stream's is RFC 9113's initial size, 64 KiB: enough for 10 Mbit/s
// an upload at 50 ms. It costs memory only for what has come and is not read yet;
// nginx holds as much (http2_body_preread_size), with no bound for the connection.
//
// What a client can make us do in vain is bounded by tokens (flood.go): resets, its
// own or those it provokes, and frames that ask for nothing.
//
// # Targets
//
// A [Transport] has the connections to one target, which streams of many clients share. It
// opens a stream on the first connection that has room (for a request with a body, a
// window that others have not used up, too), and makes as many further
// ones as the requests that wait will fill; when there may be no more it says so at once. A
// connection takes one stream until the target's SETTINGS have come, and then as many as
// they say, whenever they change. The error of a stream tells whether its target has
// looked at the request ([Untouched], RFC 9113 section 8.7): not above the last stream
// of a GOAWAY, not when it refused the stream, and not when nothing had been sent. That
// is known for certain because a connection that ends reads on for what its target had
// said before, and sends nothing any more.
//
// What is wrong with one response ends its stream. Only what RFC 9113 calls an error of the
// connection ends that, and with it the streams of others.
//
// # Places
//
// A stream holds its place among the concurrent ones until its handler has ended,
// also when the client has reset it: resetting frees nothing early (CVE-2023-44487).
// A client that takes such a place to be free has to wait for it (leaving.go).
package http2
