package outbound_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/connection/internal/outbound"
)

func TestNoRedirectIsFollowed(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			elsewhere.Add(1)
		}
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/here", strings.NewReader("a secret"))
	require.NoError(t, err)
	resp, err := outbound.Client(http.DefaultTransport).Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusTemporaryRedirect, resp.StatusCode)
	require.Zero(t, elsewhere.Load())
}

func TestOldTLSIsRefused(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = nil
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	server.StartTLS()
	defer server.Close()
	roots := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	conn, err := tls.Dial("tcp", server.Listener.Addr().String(), outbound.TLS(roots))
	if err == nil {
		_ = conn.Close()
	}
	require.ErrorContains(t, err, "protocol version")
}

func TestErrorsHoldNoAddress(t *testing.T) {
	t.Parallel()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:1/?$skiptoken=private", nil)
	require.NoError(t, err)
	_, err = outbound.Client(http.DefaultTransport).Do(req)
	require.ErrorContains(t, err, "private")
	require.NotContains(t, outbound.Cause(err).Error(), "private")
	plain := errors.New("plain")
	require.Equal(t, plain, outbound.Cause(plain))
}

func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	body := strings.Repeat("x", 100)
	for most, whole := range map[int]bool{99: false, 100: true, 101: true} {
		got, err := outbound.ReadBody(strings.NewReader(body), nil, most)
		require.Equal(t, whole, err == nil, most)
		require.LessOrEqual(t, len(got), 2*len(body))
	}
	endless := &endless{}
	const most = 64 << 10
	_, err := outbound.ReadBody(endless, nil, most)
	require.Error(t, err)
	require.NotErrorIs(t, err, outbound.ErrCutOff)
	require.LessOrEqual(t, endless.given, 4*most)
	got, err := outbound.ReadBody(io.MultiReader(strings.NewReader("half"), failing{}), nil, most)
	require.ErrorIs(t, err, outbound.ErrCutOff)
	require.Equal(t, "half", string(got))
}

// endless never ends.
type endless struct{ given int }

// Read returns as much as is asked for.
func (e *endless) Read(p []byte) (int, error) {
	e.given += len(p)
	return copy(p, bytes.Repeat([]byte(" "), len(p))), nil
}

// failing breaks off.
type failing struct{}

// Read fails.
func (failing) Read([]byte) (int, error) { return 0, errors.New("reset by peer") }

func TestAWaitEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	require.NoError(t, outbound.Wait(t.Context(), time.Millisecond))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, outbound.Wait(ctx, time.Hour), context.Canceled)
}
