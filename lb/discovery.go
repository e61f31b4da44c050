package lb

// Discovery asks for certificates by host, for an HTTPS listener whose manifest names
// none. On AWS the controller looks for them in Certificate Manager.
type Discovery struct {
	// Hosts that shall be covered: those of the rules and of spec.tls.
	Hosts []string
	// Origin and Field are where a certificate could have been named.
	Origin Origin
	Field  string
}
