//go:build race

package balance

// The race detector makes sync.Pool forget at random.
func init() { poolsForget = true }
