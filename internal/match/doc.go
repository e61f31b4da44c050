// Package match compiles a listener's rules and finds the first that holds for a
// request, as if the rules were tried one after the other in the order of their
// priority. It also says why: which condition of each earlier rule did not hold.
//
// # How it stays fast
//
// A linear scan of 10,000 rules costs more than everything else a request needs.
// Table therefore files every rule twice over: first by what its host condition
// says, then, within that, by what its path condition says. A value without a
// wildcard is filed in a map; a value with wildcards is filed in a radix tree under
// the literal text in front of its first wildcard or behind its last one, whichever
// fewer rules share. A request looks into the few places where a rule that could
// hold for it may be filed, and verifies those rules completely; every place lists
// its rules in ascending order, and a place is left as soon as its next rule comes
// after the best found so far. The index only ever proposes: a rule is taken when all of
// its conditions hold, so a mistake in filing can hide a rule but never take a wrong
// one, and the tests compare with a linear scan to exclude the first.
//
// Rules that say nothing about host or path, or regular expressions without an
// anchored literal, are filed under the empty text, where every request meets them;
// only their number makes a match slower.
//
// Find allocates nothing: the host is folded on the stack, and what header and query
// conditions need is lent by a pool.
//
// # What holds
//
// The rules of matching are ALB's (user guide, "Condition types for listener rules");
// each is told at the code that follows it: host.go, pattern.go, condition.go.
package match
