// Package control is the loop between what people write and what is served.
//
// Sources (a folder, a cluster) each hand in their whole wish as an lb.Config, as
// often as they like. One goroutine gathers the latest of each, waits until it has
// been quiet for a moment (but never longer than a ceiling, so that a source that
// never rests is still heard), merges them in the order of the sources, lets
// an lb.Validator set aside what cannot be served, and hands the rest to the Machine,
// which builds, binds and swaps. What came of it is kept as one Report behind an
// atomic pointer and told to whoever asked to hear of it.
//
// A bad input never makes things worse: a source that cannot read its input sends
// its problems and no Config, and what it sent before stays; a Machine that panics
// is recovered from, reported, and goes on serving what it served; a source that
// panics or ends is reported and started again.
//
// Each problem is logged once, when it appears, and once more when it is gone.
package control
