// Package client has the clients of the comparison that wrk, ab and h2load are not:
// one that moves bodies of a mebibyte, one that keeps to a schedule whatever the
// answers do, and one that opens connections by the ten thousand and lets them rest.
//
// They understand as much HTTP as the comparison needs: an answer is a head with a
// Content-Length and that many bytes, and its status is 200; anything else is an
// error, because a proxy that answers wrongly is not compared. They are part of the
// driver's process, so that its figures and theirs have one clock; what they cost
// is not counted, and is the same for every proxy.
package client
