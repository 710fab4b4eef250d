package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/simulator/server"
)

// The command says where it listens, serves, and ends when it is told to.
func TestRun(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	out, said := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, config{Listen: "127.0.0.1:0", Fleet: "tiny", Seed: 1, AutoConsent: true}, new(server.Keys), said)
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

	require.Error(t, run(t.Context(), config{Listen: "127.0.0.1:0", Fleet: "medium"}, new(server.Keys), io.Discard))
}

// CIPP answers on a listener of its own, by TLS where a certificate is given.
func TestRunCIPP(t *testing.T) {
	t.Parallel()
	authority := httptest.NewTLSServer(http.NotFoundHandler()) // lends its certificate
	authority.Close()
	pair := authority.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	require.NoError(t, err)
	write := func(kind string, der []byte) string {
		name := filepath.Join(t.TempDir(), "tls.pem")
		require.NoError(t, os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return name
	}
	ctx, stop := context.WithCancel(t.Context())
	out, said := io.Pipe()
	ended := make(chan error, 1)
	cfg := config{
		Listen: "127.0.0.1:0", Fleet: "tiny", Seed: 1, CIPPClientID: "cipp", CIPPListen: "127.0.0.1:0",
		CIPPTLSCert: write("CERTIFICATE", pair.Certificate[0]), CIPPTLSKey: write("PRIVATE KEY", key),
	}
	go func() { ended <- run(ctx, cfg, new(server.Keys), said) }()
	lines := bufio.NewReader(out)
	_, err = lines.ReadString('\n')
	require.NoError(t, err)
	line, err := lines.ReadString('\n')
	require.NoError(t, err)
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "cipp listening on ")
	require.True(t, ok, line)
	trusted := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "example.com"}}}
	trusted.Transport.(*http.Transport).TLSClientConfig.RootCAs.AddCert(authority.Certificate())
	defer trusted.CloseIdleConnections()
	for path, want := range map[string]int{"/api/me": http.StatusUnauthorized, "/admin/fleet": http.StatusNotFound} {
		res, err := trusted.Get("https://" + address + path)
		require.NoError(t, err)
		require.Equal(t, want, res.StatusCode, path)
		require.NoError(t, res.Body.Close())
	}
	stop()
	require.NoError(t, <-ended)

	cfg.CIPPTLSKey = cfg.CIPPTLSCert
	require.ErrorContains(t, run(t.Context(), cfg, new(server.Keys), io.Discard), "the certificate of")
}
