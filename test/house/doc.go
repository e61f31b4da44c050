// Package house keeps the house in order: its tests read the source tree and
// fail where the tree no longer is what the documents say.
//
// Imports point down only (imports_test.go): the words of package lb at the
// bottom, the engines above them, then the snapshot, the running machine, the
// doors and at the top the commands. A room that imports sideways or upwards
// cannot be read or tested alone any more, and such edges are never taken out
// again once they are in; so each forbidden edge stands in a table with the
// reason why. Every package tells its story in its comment (comments_test.go).
// No file names a folder of one person's machine (paths_test.go). Every direct
// dependency has a line in docs/dependencies.md and every line a dependency
// (dependencies_test.go). Long files and functions are named, not refused
// (length_test.go): `go test -v -run Length ./test/house`.
//
// The package has no code of its own besides its tests.
package house
