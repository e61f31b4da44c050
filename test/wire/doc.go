// Package wire shows what Albatross does on the wire, byte by byte, and above all what it
// does when a client or a target misbehaves: hangs up in the middle, answers too early,
// sends two requests for one, says nothing.
//
// The real binary runs once for all cases. Each case has a load balancer of its own in
// it (an Ingress, a port, a target group), so that its access log and its metrics are its own
// too, and cases run side by side. Clients and targets are raw sockets that follow a script,
// as in varnishtest; they share nothing with the code under test.
//
// A case in testdata looks like this:
//
//	=== a target that hangs up without a word is a 502
//	attributes idle_timeout.timeout_seconds=1
//	client
//	  > GET / HTTP/1.1
//	  > Host: a
//	  >
//	  page 502 keep
//	target
//	  head GET / HTTP/1.1
//	  close
//	log 502 reason=TargetClosed
//
// Before the actors stands what the load balancer is like:
//
//	attributes K=V,...        load balancer attributes
//	group-attributes K=V,...  target group attributes
//	annotation NAME: VALUE    any other annotation of the Ingress
//	version HTTP2|GRPC        the target group's protocol version
//	https                     an HTTPS listener, with a certificate of the local CA
//	targets none|refusing|full
//	                          no target; one whose port is closed; one whose backlog is full
//	skip known: REASON        a known fault: the case is played with the flag -known only
//	hasty                     the case holds only where nothing stalls for a second: on a busy
//	                          machine it gets ten chances
//
// Each client opens a connection, each target accepts the next one; all run at the same time,
// line by line. The lines of both are the same. $PORT is the listener's port, bytes may be
// written with Go's escapes (\r, \x00) in what follows a bar.
//
//	> TEXT     send a line; CRLF is added. Neighbouring sends are one write.
//	>| BYTES   send bytes
//	>* N BYTES send bytes N times
//	flood N    send N bytes in the background, and do not mind if nobody takes them
//	get PATH   send a plain GET request
//	ok         send a plain answer: 200 and ok
//	is-ok      that answer must come
//	< TEXT     the next line must be this, CRLF included
//	<| BYTES   the next bytes must be these
//	<* N BYTES the next bytes must be these, N times
//	head LINE  a whole head must come, with this start line
//	has FIELD  it has this field line once, and no other field of that name
//	lacks NAME it has no field of that name
//	page CODE keep|close [head]
//	           a whole page of the load balancer's own must come; for HEAD without its body
//	closed [D] the other side must close (FIN), with nothing before, within the time D
//	reset      the other side must reset (RST), with nothing before
//	gone [D]   the other side must close or reset; what comes before does not matter
//	half-close, close, rst
//	tls [1.2]  the target expects TLS (with annotation backend-protocol: HTTPS)
//	cork       under TLS: hold back what is sent until it ends with a close
//	tell NAME, await NAME
//	           one actor waits for another
//	deregister take the target out of the manifests; wait until it is draining
//	wait D     let time pass: only where time passing is what the case is about
//
// At the end stands what must be known afterwards. The log has exactly the lines given;
// the counters of answers by code must agree with the log in every case.
//
//	log CODE [target=CODE] [reason=WORD] [class=TIER/REASON] [FIELD=VALUE...]
//	           target is CODE where there is no reason, else -; FIELD is type, method, url, version, response (its time),
//	           received, sent, actions
//	unlogged   there is no line at all
//	metric NAME VALUE
//	           of the case's load balancer, without albatross_ and _total; summed over target groups
//
// Beside these cases there are faults that were found with whole processes, each with a manifest (faults_test.go); tests of them
// are skipped where the folder of ALBATROSS_CONFORMANCE is absent.
package wire
