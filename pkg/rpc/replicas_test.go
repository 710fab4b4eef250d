package rpc_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
)

func TestCallsGoToTheListedReplicasInTurn(t *testing.T) {
	t.Parallel()
	n := rpctest.New(t)
	replica := func(name string) string {
		return n.Serve("connection", on(func(context.Context, string) (string, error) { return name, nil }))
	}
	conn := n.Dial("gateway", "connection", replica("one")+", "+replica("two"))
	answered := map[string]int{}
	for len(answered) < 2 { // a replica is called once it is connected
		name, err := call(acme(t.Context()), conn, publicMethod, "")
		require.NoError(t, err)
		answered[name]++
	}
	clear(answered)
	for range 10 {
		name, err := call(acme(t.Context()), conn, publicMethod, "")
		require.NoError(t, err)
		answered[name]++
	}
	require.Equal(t, map[string]int{"one": 5, "two": 5}, answered)
}
