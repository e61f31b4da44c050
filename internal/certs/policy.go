package certs

import (
	"crypto/tls"
	"slices"
	"strings"
)

// Policy is a security policy: what a client may negotiate.
type Policy struct {
	Name                   string
	MinVersion, MaxVersion uint16 // tls.VersionTLS10 ... tls.VersionTLS13
	// CipherSuites in AWS's order of preference, TLS 1.3's first. crypto/tls has an
	// order of its own (forward secrecy and AEAD first, then by the client's
	// hardware) that it does not let one change; and it always offers all three
	// suites of TLS 1.3, as every policy with TLS 1.3 does.
	CipherSuites []uint16
	// Curves are the key exchanges, in order of preference.
	Curves []tls.CurveID
	// Missing names the suites of the policy that crypto/tls does not have: CBC
	// suites with SHA-384, and AES256-SHA256. No client is known to need one.
	Missing []string
}

// HasSuite tells whether the policy lets a client negotiate a suite.
func (p Policy) HasSuite(id uint16) bool { return slices.Contains(p.CipherSuites, id) }

// suite is a cipher suite by the name AWS (and OpenSSL) has for it, with the
// groups of policies it is in.
type suite struct {
	name  string
	id    uint16 // 0: crypto/tls does not have it
	group byte
}

// Groups of suites. A policy is a choice of them.
//
//	T  the three suites of TLS 1.3
//	G  ECDHE with AES-GCM
//	C  ECDHE with AES-CBC and SHA-256 or SHA-384
//	S  ECDHE with AES-CBC and SHA-1
//	R  RSA key exchange, AES-GCM or AES-CBC with SHA-256
//	L  RSA key exchange, AES-CBC with SHA-1
//	3  RSA key exchange, triple DES
//
// suites is in AWS's order of preference, as DescribeSSLPolicies gives it.
var suites = []suite{
	{"TLS_AES_128_GCM_SHA256", tls.TLS_AES_128_GCM_SHA256, 'T'},
	{"TLS_AES_256_GCM_SHA384", tls.TLS_AES_256_GCM_SHA384, 'T'},
	{"TLS_CHACHA20_POLY1305_SHA256", tls.TLS_CHACHA20_POLY1305_SHA256, 'T'},
	{"ECDHE-ECDSA-AES128-GCM-SHA256", tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, 'G'},
	{"ECDHE-RSA-AES128-GCM-SHA256", tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, 'G'},
	{"ECDHE-ECDSA-AES128-SHA256", tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, 'C'},
	{"ECDHE-RSA-AES128-SHA256", tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256, 'C'},
	{"ECDHE-ECDSA-AES128-SHA", tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, 'S'},
	{"ECDHE-RSA-AES128-SHA", tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, 'S'},
	{"ECDHE-ECDSA-AES256-GCM-SHA384", tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, 'G'},
	{"ECDHE-RSA-AES256-GCM-SHA384", tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, 'G'},
	{"ECDHE-ECDSA-AES256-SHA384", 0, 'C'},
	{"ECDHE-RSA-AES256-SHA384", 0, 'C'},
	{"ECDHE-RSA-AES256-SHA", tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, 'S'},
	{"ECDHE-ECDSA-AES256-SHA", tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, 'S'},
	{"AES128-GCM-SHA256", tls.TLS_RSA_WITH_AES_128_GCM_SHA256, 'R'},
	{"AES128-SHA256", tls.TLS_RSA_WITH_AES_128_CBC_SHA256, 'R'},
	{"AES128-SHA", tls.TLS_RSA_WITH_AES_128_CBC_SHA, 'L'},
	{"AES256-GCM-SHA384", tls.TLS_RSA_WITH_AES_256_GCM_SHA384, 'R'},
	{"AES256-SHA256", 0, 'R'},
	{"AES256-SHA", tls.TLS_RSA_WITH_AES_256_CBC_SHA, 'L'},
	{"DES-CBC3-SHA", tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA, '3'},
}

// policies are AWS's predefined policies (Elastic Load Balancing user guide,
// "Security policies for your Application Load Balancer"), without those that
// promise FIPS 140 validated cryptography.
var policies = map[string]struct {
	min, max uint16
	groups   string
}{
	"ELBSecurityPolicy-2016-08":             {tls.VersionTLS10, tls.VersionTLS12, "GCSRL"},
	"ELBSecurityPolicy-2015-05":             {tls.VersionTLS10, tls.VersionTLS12, "GCSRL"},
	"ELBSecurityPolicy-TLS-1-0-2015-04":     {tls.VersionTLS10, tls.VersionTLS12, "GCSRL3"},
	"ELBSecurityPolicy-TLS-1-1-2017-01":     {tls.VersionTLS11, tls.VersionTLS12, "GCSRL"},
	"ELBSecurityPolicy-TLS-1-2-2017-01":     {tls.VersionTLS12, tls.VersionTLS12, "GCR"},
	"ELBSecurityPolicy-TLS-1-2-Ext-2018-06": {tls.VersionTLS12, tls.VersionTLS12, "GCSRL"},

	"ELBSecurityPolicy-FS-2018-06":         {tls.VersionTLS10, tls.VersionTLS12, "GCS"},
	"ELBSecurityPolicy-FS-1-1-2019-08":     {tls.VersionTLS11, tls.VersionTLS12, "GCS"},
	"ELBSecurityPolicy-FS-1-2-2019-08":     {tls.VersionTLS12, tls.VersionTLS12, "GCS"},
	"ELBSecurityPolicy-FS-1-2-Res-2019-08": {tls.VersionTLS12, tls.VersionTLS12, "GC"},
	"ELBSecurityPolicy-FS-1-2-Res-2020-10": {tls.VersionTLS12, tls.VersionTLS12, "G"},

	"ELBSecurityPolicy-TLS13-1-0-2021-06":      {tls.VersionTLS10, tls.VersionTLS13, "TGCSRL"},
	"ELBSecurityPolicy-TLS13-1-1-2021-06":      {tls.VersionTLS11, tls.VersionTLS13, "TGCSRL"},
	"ELBSecurityPolicy-TLS13-1-2-2021-06":      {tls.VersionTLS12, tls.VersionTLS13, "TGC"},
	"ELBSecurityPolicy-TLS13-1-2-Res-2021-06":  {tls.VersionTLS12, tls.VersionTLS13, "TG"},
	"ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06": {tls.VersionTLS12, tls.VersionTLS13, "TGCR"},
	"ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06": {tls.VersionTLS12, tls.VersionTLS13, "TGCSRL"},
	"ELBSecurityPolicy-TLS13-1-3-2021-06":      {tls.VersionTLS13, tls.VersionTLS13, "T"},

	"ELBSecurityPolicy-TLS13-1-0-PQ-2025-09":      {tls.VersionTLS10, tls.VersionTLS13, "TGCSRL"},
	"ELBSecurityPolicy-TLS13-1-2-PQ-2025-09":      {tls.VersionTLS12, tls.VersionTLS13, "TGC"},
	"ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09":  {tls.VersionTLS12, tls.VersionTLS13, "TG"},
	"ELBSecurityPolicy-TLS13-1-2-Ext1-PQ-2025-09": {tls.VersionTLS12, tls.VersionTLS13, "TGCR"},
	"ELBSecurityPolicy-TLS13-1-2-Ext2-PQ-2025-09": {tls.VersionTLS12, tls.VersionTLS13, "TGCSRL"},
	"ELBSecurityPolicy-TLS13-1-3-PQ-2025-09":      {tls.VersionTLS13, tls.VersionTLS13, "T"},
}

var (
	classicCurves = []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}
	hybridCurves  = []tls.CurveID{tls.X25519MLKEM768, tls.SecP256r1MLKEM768, tls.SecP384r1MLKEM1024}
)

// LookupPolicy gives a predefined security policy by its name, such as
// "ELBSecurityPolicy-TLS13-1-2-2021-06". Names are case-sensitive, as on AWS.
func LookupPolicy(name string) (Policy, bool) {
	row, ok := policies[name]
	if !ok {
		return Policy{}, false
	}
	p := Policy{Name: name, MinVersion: row.min, MaxVersion: row.max, Curves: slices.Clone(classicCurves)}
	if strings.Contains(name, "-PQ-") {
		p.Curves = slices.Concat(hybridCurves, classicCurves)
	}
	for _, s := range suites {
		switch {
		case strings.IndexByte(row.groups, s.group) < 0:
		case s.id == 0:
			p.Missing = append(p.Missing, s.name)
		default:
			p.CipherSuites = append(p.CipherSuites, s.id)
		}
	}
	return p, true
}

// PolicyNames gives the names of all policies in alphabetical order.
func PolicyNames() []string {
	names := make([]string, 0, len(policies))
	for name := range policies {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// SuiteName is the name that AWS has for a cipher suite, which is OpenSSL's
// ("ECDHE-RSA-AES128-GCM-SHA256"): the form in access logs. For a suite that no
// policy has it is crypto/tls's.
func SuiteName(id uint16) string {
	for _, s := range suites {
		if s.id == id && id != 0 {
			return s.name
		}
	}
	return tls.CipherSuiteName(id)
}
