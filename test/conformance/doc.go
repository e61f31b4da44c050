// Package conformance measures how alike Albatross is to what it stands in for: cases
// recorded from AWS's own request classifier (desync) and from the AWS Load
// Balancer Controller (lbc), each with the answer it must come to.
//
// The cases are not part of this repository. The tests look for their folder in the
// environment variable ALBATROSS_CONFORMANCE, by default ../shared/conformance beside
// the repository, and are skipped where it is absent. Each prints one line, `desync: N of M
// equal` and `lbc: N of M equal`; a count that falls is a regression. A case is never
// special-cased: the rule behind it is.
//
// The package has no code of its own besides its tests.
package conformance
