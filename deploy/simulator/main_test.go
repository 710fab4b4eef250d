package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The command says where it listens, serves, and ends when it is told to.
func TestRun(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	out, said := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, config{Listen: "127.0.0.1:0", Fleet: "tiny", Seed: 1, AutoConsent: true}, said)
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	require.True(t, ok, line)
	res, err := http.Get("http://" + address + "/admin/fleet")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.NoError(t, res.Body.Close())
	stop()
	require.NoError(t, <-ended)

	require.Error(t, run(t.Context(), config{Listen: "127.0.0.1:0", Fleet: "medium"}, io.Discard))
}
