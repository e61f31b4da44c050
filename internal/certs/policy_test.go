package certs

import (
	"crypto/tls"
	"slices"
	"strings"
	"testing"

	"github.com/albatross-lb/albatross/lb"
)

// The groups of suites by their IANA names, and the policies by their groups, as
// AWS's documentation has them: written down apart from the tables under test.
var suiteGroups = map[string]string{
	"T13": "TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256",
	"G": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 " +
		"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
	"C": "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256 TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256 -ECDHE-ECDSA-AES256-SHA384 -ECDHE-RSA-AES256-SHA384",
	"S": "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA " +
		"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
	"R": "TLS_RSA_WITH_AES_128_GCM_SHA256 TLS_RSA_WITH_AES_256_GCM_SHA384 TLS_RSA_WITH_AES_128_CBC_SHA256 -AES256-SHA256",
	"L": "TLS_RSA_WITH_AES_128_CBC_SHA TLS_RSA_WITH_AES_256_CBC_SHA",
	"D": "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
}

var policyRows = []struct{ name, versions, groups string }{
	{"2016-08", "1.0 1.1 1.2", "G C S R L"},
	{"2015-05", "1.0 1.1 1.2", "G C S R L"},
	{"TLS-1-0-2015-04", "1.0 1.1 1.2", "G C S R L D"},
	{"TLS-1-1-2017-01", "1.1 1.2", "G C S R L"},
	{"TLS-1-2-Ext-2018-06", "1.2", "G C S R L"},
	{"TLS-1-2-2017-01", "1.2", "G C R"},
	{"TLS13-1-2-2021-06", "1.2 1.3", "T13 G C"},
	{"TLS13-1-2-Res-2021-06", "1.2 1.3", "T13 G"},
	{"TLS13-1-2-Ext1-2021-06", "1.2 1.3", "T13 G C R"},
	{"TLS13-1-2-Ext2-2021-06", "1.2 1.3", "T13 G C R S L"},
	{"TLS13-1-0-2021-06", "1.0 1.1 1.2 1.3", "T13 G C S R L"},
	{"TLS13-1-1-2021-06", "1.1 1.2 1.3", "T13 G C S R L"},
	{"TLS13-1-3-2021-06", "1.3", "T13"},
	{"FS-2018-06", "1.0 1.1 1.2", "G C S"},
	{"FS-1-1-2019-08", "1.1 1.2", "G C S"},
	{"FS-1-2-2019-08", "1.2", "G C S"},
	{"FS-1-2-Res-2019-08", "1.2", "G C"},
	{"FS-1-2-Res-2020-10", "1.2", "G"},
	{"TLS13-1-0-PQ-2025-09", "1.0 1.1 1.2 1.3", "T13 G C S R L"},
	{"TLS13-1-2-PQ-2025-09", "1.2 1.3", "T13 G C"},
	{"TLS13-1-2-Res-PQ-2025-09", "1.2 1.3", "T13 G"},
	{"TLS13-1-2-Ext1-PQ-2025-09", "1.2 1.3", "T13 G C R"},
	{"TLS13-1-2-Ext2-PQ-2025-09", "1.2 1.3", "T13 G C R S L"},
	{"TLS13-1-3-PQ-2025-09", "1.3", "T13"},
}

var versionNames = map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

// has tells whether the named suite (with "-" in front: a missing one) is in one of groups.
func has(groups, suite string) bool {
	for g := range strings.FieldsSeq(groups) {
		if slices.Contains(strings.Fields(suiteGroups[g]), suite) {
			return true
		}
	}
	return false
}

func allSuites() []*tls.CipherSuite { return append(tls.CipherSuites(), tls.InsecureCipherSuites()...) }

// Every policy, at every version, with every suite and key exchange: what a client
// that offers nothing else can agree on is what the policy says, no more and no less.
func TestPoliciesByHandshake(t *testing.T) {
	certs := []*Certificate{
		certificate(t, "rsa", kind{key: rsa2048()}, "rsa.example", "any.example"),
		certificate(t, "ecdsa", kind{}, "ecdsa.example", "any.example"),
	}
	handshakes := 0
	for _, row := range policyRows {
		t.Run(row.name, func(t *testing.T) {
			p, ok := LookupPolicy("ELBSecurityPolicy-" + row.name)
			if !ok {
				t.Fatal("no such policy")
			}
			server := Config(p, certs, nil)
			for versionName, version := range versionNames {
				inRange := slices.Contains(strings.Fields(row.versions), versionName)
				for _, s := range allSuites() {
					if !slices.Contains(s.SupportedVersions, version) {
						continue
					}
					if version == tls.VersionTLS13 && s.ID != tls.TLS_AES_128_GCM_SHA256 {
						continue // a client of crypto/tls cannot offer one of these alone
					}
					state, err := shake(server, &tls.Config{
						MinVersion: version, MaxVersion: version, CipherSuites: []uint16{s.ID},
						ServerName: "any.example", InsecureSkipVerify: true, CurvePreferences: []tls.CurveID{tls.X25519},
					})
					handshakes++
					if want := inRange && has(row.groups, s.Name); want != (err == nil) {
						t.Errorf("TLS %s %s: %v, want agreement %v", versionName, s.Name, err, want)
					}
					if err == nil && version < tls.VersionTLS13 && state.CipherSuite != s.ID {
						t.Errorf("TLS %s %s: agreed on %s", versionName, s.Name, tls.CipherSuiteName(state.CipherSuite))
					}
				}
			}
			handshakes += checkCurves(t, p, server)
			checkLists(t, p, row.groups)
		})
	}
	t.Logf("%d policies, %d handshakes", len(policyRows), handshakes)
}

// checkCurves tries each key exchange alone.
func checkCurves(t *testing.T, p Policy, server *tls.Config) int {
	classic := []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}
	hybrid := []tls.CurveID{tls.X25519MLKEM768, tls.SecP256r1MLKEM768, tls.SecP384r1MLKEM1024}
	for _, curve := range slices.Concat(classic, hybrid) {
		state, err := shake(server, &tls.Config{ServerName: "any.example", InsecureSkipVerify: true, CurvePreferences: []tls.CurveID{curve}})
		isHybrid := slices.Contains(hybrid, curve)
		want := !isHybrid || strings.Contains(p.Name, "PQ")
		if isHybrid && p.MaxVersion < tls.VersionTLS13 {
			want = false
		}
		if want != (err == nil) || err == nil && state.CurveID != curve {
			t.Errorf("%v: %v (agreed on %v), want agreement %v", curve, err, state.CurveID, want)
		}
	}
	return len(classic) + len(hybrid)
}

// checkLists compares what the Policy itself says.
func checkLists(t *testing.T, p Policy, groups string) {
	var want, missing []string
	for g := range strings.FieldsSeq(groups) {
		for s := range strings.FieldsSeq(suiteGroups[g]) {
			if name, isMissing := strings.CutPrefix(s, "-"); isMissing {
				missing = append(missing, name)
			} else {
				want = append(want, s)
			}
		}
	}
	var got []string
	for _, id := range p.CipherSuites {
		got = append(got, tls.CipherSuiteName(id))
		if !p.HasSuite(id) {
			t.Errorf("HasSuite(%x) is false", id)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	gotMissing := slices.Sorted(slices.Values(p.Missing))
	slices.Sort(missing)
	if !slices.Equal(got, want) || !slices.Equal(gotMissing, missing) {
		t.Errorf("suites %v and missing %v, want %v and %v", got, gotMissing, want, missing)
	}
}

func TestPolicyNames(t *testing.T) {
	var want []string
	for _, row := range policyRows {
		want = append(want, "ELBSecurityPolicy-"+row.name)
	}
	slices.Sort(want)
	if got := PolicyNames(); !slices.Equal(got, want) {
		t.Errorf("names %v, want %v", got, want)
	}
	for _, name := range []string{"", "ELBSecurityPolicy-2016-09", "elbsecuritypolicy-2016-08", "2016-08"} {
		if p, ok := LookupPolicy(name); ok {
			t.Errorf("%q gives %+v", name, p)
		}
	}
	if _, ok := LookupPolicy(lb.DefaultSSLPolicy); !ok {
		t.Errorf("no default policy %s", lb.DefaultSSLPolicy)
	}
}

// The order of the policy that is the API's default, as DescribeSSLPolicies gives it.
func TestSuiteOrder(t *testing.T) {
	p, _ := LookupPolicy("ELBSecurityPolicy-2016-08")
	var got []string
	for _, id := range p.CipherSuites {
		got = append(got, SuiteName(id))
	}
	want := strings.Fields(`ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-RSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES128-SHA256 ECDHE-RSA-AES128-SHA256
		ECDHE-ECDSA-AES128-SHA ECDHE-RSA-AES128-SHA ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-RSA-AES256-GCM-SHA384
		ECDHE-RSA-AES256-SHA ECDHE-ECDSA-AES256-SHA AES128-GCM-SHA256 AES128-SHA256 AES128-SHA AES256-GCM-SHA384 AES256-SHA`)
	if !slices.Equal(got, want) {
		t.Errorf("order\n%v, want\n%v", got, want)
	}
	for id, want := range map[uint16]string{
		tls.TLS_AES_128_GCM_SHA256: "TLS_AES_128_GCM_SHA256", 0: "0x0000",
		tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
	} {
		if got := SuiteName(id); got != want {
			t.Errorf("SuiteName(%#x) = %s, want %s", id, got, want)
		}
	}
}
