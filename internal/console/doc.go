// Package console is the admin API: what is served, what is not and why, how the
// targets are, all of it read-only.
//
// It answers GET and HEAD with JSON. It changes nothing and shows no secret: client
// secrets are blanked, and key pairs have no JSON form. There is no login, so it
// belongs on loopback; a web page that a browser on the same machine has open must
// not read it either, which is why a Host header that is neither a loopback name nor
// the address the connection came in on is refused (DNS rebinding) and why no answer
// allows other origins.
//
// The console knows nothing of the running machine but the functions and the handler
// in its Options. docs/admin-api.md shows each endpoint with its answer.
package console
