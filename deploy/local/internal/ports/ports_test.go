package ports_test

import (
	"net"
	"reflect"
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

// A stack's second replicas, and stacks that start at the same time, have sets of their own; with
// ports drawn from 20,000 one by one, two sets in thirty had one in common.
func TestRandomSetsHaveNoPortInCommon(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	for range 60 {
		set, err := ports.Random()
		require.NoError(t, err)
		require.NoError(t, set.Check(nil))
		for v, i := reflect.ValueOf(set), 0; i < v.NumField(); i++ {
			port := int(v.Field(i).Int())
			require.False(t, seen[port], "%s is %d, which an earlier set has", v.Type().Field(i).Name, port)
			seen[port] = true
		}
	}
}
