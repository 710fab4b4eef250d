package ca_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/local/internal/ca"
)

func TestCertificatesIdentifyServicesToEachOther(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, ca.Ensure(dir, []string{"gateway", "mapping"}, time.Now()))

	config := func(name string) *tls.Config {
		cert, err := tls.LoadX509KeyPair(filepath.Join(dir, name, "tls.crt"), filepath.Join(dir, name, "tls.key"))
		require.NoError(t, err)
		pem, err := os.ReadFile(filepath.Join(dir, name, "ca.crt"))
		require.NoError(t, err)
		pool := x509.NewCertPool()
		require.True(t, pool.AppendCertsFromPEM(pem))
		return &tls.Config{
			Certificates: []tls.Certificate{cert}, RootCAs: pool, ClientCAs: pool,
			ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13,
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	caller := make(chan string, 2)
	go func() {
		for {
			raw, err := listener.Accept()
			if err != nil {
				return
			}
			conn := tls.Server(raw, config("mapping"))
			if conn.Handshake() == nil {
				caller <- conn.ConnectionState().PeerCertificates[0].DNSNames[0]
			}
			_ = conn.Close()
		}
	}()
	dial := func(serverName string) error {
		c := config("gateway")
		c.ServerName = serverName
		conn, err := tls.Dial("tcp", listener.Addr().String(), c)
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		return nil
	}
	require.NoError(t, dial("mapping"))
	require.Equal(t, "gateway", <-caller)
	require.Error(t, dial("discovery"))
	require.Error(t, dial("localhost"))
}

func TestCertificatesAreKeptUntilTheyNearTheirEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	read := func() (authority, leaf string) {
		a, err := os.ReadFile(filepath.Join(dir, "mapping", "ca.crt"))
		require.NoError(t, err)
		l, err := os.ReadFile(filepath.Join(dir, "mapping", "tls.crt"))
		require.NoError(t, err)
		return string(a), string(l)
	}
	ensure := func(at time.Time) { require.NoError(t, ca.Ensure(dir, []string{"mapping"}, at)) }

	ensure(now)
	authority, leaf := read()
	ensure(now.AddDate(0, 10, 0))
	authority2, leaf2 := read()
	require.Equal(t, []string{authority, leaf}, []string{authority2, leaf2})

	ensure(now.AddDate(0, 11, 20))
	authority3, leaf3 := read()
	require.Equal(t, authority, authority3)
	require.NotEqual(t, leaf, leaf3)

	ensure(now.AddDate(9, 0, 0))
	authority4, _ := read()
	require.NotEqual(t, authority, authority4)

	info, err := os.Stat(filepath.Join(dir, "mapping", "tls.key"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}
