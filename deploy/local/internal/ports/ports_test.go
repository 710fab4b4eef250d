package ports_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/local/internal/ports"
)

func lookup(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}
}

func TestPortsCanBeChanged(t *testing.T) {
	t.Parallel()
	set, err := ports.FromEnv(lookup(map[string]string{"ENTRASYNC_PORT_GATEWAY": "18080"}))
	require.NoError(t, err)
	require.Equal(t, 18080, set.Gateway)
	require.Equal(t, 8081, set.GatewayAdmin)
	require.Equal(t, 5433, set.PostgreSQL)

	_, err = ports.FromEnv(lookup(map[string]string{"ENTRASYNC_PORT_GATEWAY": "many"}))
	require.ErrorContains(t, err, "ENTRASYNC_PORT_GATEWAY")
	_, err = ports.FromEnv(lookup(map[string]string{"ENTRASYNC_PORT_GATEWAY": "9400"}))
	require.ErrorContains(t, err, "ENTRASYNC_PORT_SIMULATOR")
}

func TestTakenPortIsNamed(t *testing.T) {
	t.Parallel()
	set, err := ports.Random()
	require.NoError(t, err)
	l, err := net.Listen("tcp", ports.Addr(set.Simulator))
	require.NoError(t, err)
	defer l.Close()
	err = set.Check(nil)
	var taken ports.TakenError
	require.ErrorAs(t, err, &taken)
	require.Equal(t, ports.TakenError{Port: set.Simulator, Variable: "ENTRASYNC_PORT_SIMULATOR"}, taken)
	require.NoError(t, set.Check(func(field string) bool { return field != "Simulator" }))
}
