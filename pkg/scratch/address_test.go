package scratch_test

import (
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/scratch"
)

// TestAnAddressIsKeptForWhoNamesIt: between the choice and the server's start others take ports,
// as they do all the time where tests run in parallel.
func TestAnAddressIsKeptForWhoNamesIt(t *testing.T) {
	t.Parallel()
	const many = 100
	held := map[string]bool{}
	for range many {
		address, release, err := scratch.Address()
		require.NoError(t, err)
		defer release()
		held[address] = true
	}
	require.Len(t, held, many)
	for range 7 * many { // of some 28,000 that there are: a few would be among those
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer func() { _ = listener.Close() }()
		require.NotContains(t, held, listener.Addr().String())
	}
	dialer := new(net.Dialer)
	for address := range held {
		_, err := dialer.DialContext(t.Context(), "tcp", address)
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		for range 2 { // one that is started again
			listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
			require.NoError(t, err)
			conn, err := dialer.DialContext(t.Context(), "tcp", address)
			require.NoError(t, err)
			require.NoError(t, conn.Close())
			require.NoError(t, listener.Close())
		}
	}
}
