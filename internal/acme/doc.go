// Package acme has certificates issued by a certificate authority (RFC 8555), keeps
// them, and renews them, for hosts that have none.
//
// The configuration says by Wishes what is wanted; an Issuer answers at once with
// what it has (Certificate) and does the rest behind everybody's back (Run): it
// orders what is missing and what has a third of its life left, one order for each
// set of hosts, and tells by Changed when there is something new. Nothing waits for
// it, neither a request nor a change of configuration.
//
// An authority believes that a host is ours when a question about it reaches us and
// is answered with what only the account can know. There are three ways to ask. Over
// HTTP (HTTP-01): KeyAuthorization is the answer, for whoever serves port 80. In a TLS
// handshake (TLS-ALPN-01, RFC 8737): Challenge is the answer, for whoever serves port
// 443. By DNS (DNS-01): a small name server of our own answers for the
// _acme-challenge names delegated to it, and that is the only way for wildcards.
//
// What is kept lies in one folder for each authority: the account's key, and for
// each set of hosts a file with chain and key and one with what was tried. All of it
// is written beside its place and moved there, so that it is there whole or not at
// all. Several processes may share the folder: who orders holds a lock on that set of
// hosts, and the others find what came of it.
//
// Trouble is told (Problems), not suffered. A host that the authority refuses is left
// out, so that the others of its set get their certificate, and is tried again on its
// own schedule. Waiting times grow, with jitter, and outlive the process, so that not
// even a process that restarts every minute wears out an authority's patience.
package acme
