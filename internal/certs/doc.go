// Package certs is everything about the certificates a listener shows: where they
// come from, which one a client gets, and which TLS versions and cipher suites it may use.
//
// A Certificate comes from one of three places. ParsePair reads a pair that came
// with the manifests (a Secret). ARNStore stands in for AWS Certificate Manager: a
// folder with one subfolder per ARN, where certificates are also discovered by host. Its
// files may change at any time; Changed tells when to look again. CA is the local certificate authority of
// --dev, which issues one for any ARN or Secret that nobody has.
//
// Config puts certificates and a Policy together into a tls.Config. Which
// certificate a client gets follows the application load balancer's rules (see
// Choose); a Policy is one of AWS's predefined security policies, by its name.
// ConfigMutual asks clients for a certificate of their own: any (passthrough), or
// one that a TrustStore vouches for (verify). MutualHeaders tells the targets about
// it, HandshakeOf the connection log.
//
// Session tickets are written with keys that outlive a Config (see TicketKeys), so
// that a change of configuration costs no client its session; a TicketFile has several
// processes share them.
package certs
