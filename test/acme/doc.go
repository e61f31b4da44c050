// Package acme lets albatross have certificates issued by a real certificate authority:
// pebble, the test server of Let's Encrypt, with its real validation over loopback. What
// is asked of us there is what Let's Encrypt asks: plain requests on our HTTP listener,
// handshakes on our HTTPS listener, and queries to our name server.
//
// pebble is built from the module in the folder pebble, through the module proxy; the
// tests are skipped, and say so, where that cannot be done.
package acme
