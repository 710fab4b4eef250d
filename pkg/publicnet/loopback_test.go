package publicnet_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/publicnet"
)

func TestLoopbackIsThisMachineByItsLooks(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"localhost", "127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"} {
		require.True(t, publicnet.Loopback(host), host)
	}
	for _, host := range []string{"", "localhost.example", "example.com", "10.0.0.1", "0.0.0.0", "::", "127.0.0.1.example", "127.0.0.1:80", "[::1]", "128.0.0.1"} {
		require.False(t, publicnet.Loopback(host), host)
	}
}
