package rpctest

import (
	"testing"

	"github.com/entrasync/entrasync/pkg/scratch"
)

// FreeAddress is an address of the loopback interface on which nothing listens. Nobody who asks for
// any port is given this one until the test ends.
func FreeAddress(t testing.TB) string {
	t.Helper()
	address, release, err := scratch.Address()
	check(t, err)
	t.Cleanup(release)
	return address
}
