package acceptance

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

// TestServicesRefuseWhoIsNotOnTheList calls services from inside, past the gateway.
func TestServicesRefuseWhoIsNotOnTheList(t *testing.T) {
	t.Parallel()
	w := share(t, fleet.Tiny)

	t.Run("without a certificate", func(t *testing.T) {
		conn := w.dial(t, "sync-engine", "")
		_, err := syncenginev1.NewSyncEngineInternalServiceClient(conn).GetSyncStatus(t.Context(), &syncenginev1.GetSyncStatusRequest{})
		require.Equal(t, codes.Unavailable, status.Code(err), "the handshake must fail: %v", err)
	})
	t.Run("a service that is not on the method's list", func(t *testing.T) {
		conn := w.dial(t, "connection", "mapping")
		stream, err := connectionv1.NewDirectoryServiceClient(conn).ListUsers(t.Context(), &connectionv1.ListUsersRequest{EntraTenantId: "x"})
		require.NoError(t, err)
		_, err = stream.Recv()
		require.Equal(t, codes.PermissionDenied, status.Code(err), "%v", err)
	})
	t.Run("a listed service without a tenant", func(t *testing.T) {
		conn := w.dial(t, "sync-engine", "worker")
		_, err := syncenginev1.NewSyncEngineInternalServiceClient(conn).CreateRun(t.Context(), &syncenginev1.CreateRunRequest{Type: "initial", Trigger: "manual"})
		require.Equal(t, codes.Unauthenticated, status.Code(err), "%v", err)
	})
	t.Run("strangers at Temporal", w.requireTemporalRefusesStrangers)
	t.Run("a public method, but not through the gateway", func(t *testing.T) {
		conn := w.dial(t, "sync-engine", "discovery")
		_, err := syncenginev1.NewContactServiceClient(conn).ListContacts(t.Context(), &syncenginev1.ListContactsRequest{})
		require.Equal(t, codes.PermissionDenied, status.Code(err), "%v", err)
	})
}

// dial connects to a service with another one's certificate, or with none.
func (w *world) dial(t *testing.T, to, as string) *grpc.ClientConn {
	t.Helper()
	roots := x509.NewCertPool()
	authority, err := os.ReadFile(filepath.Join(w.stack.TLSDir(to), "ca.crt"))
	require.NoError(t, err)
	require.True(t, roots.AppendCertsFromPEM(authority))
	config := &tls.Config{RootCAs: roots, ServerName: to, MinVersion: tls.VersionTLS13}
	if as != "" {
		own, err := tls.LoadX509KeyPair(filepath.Join(w.stack.TLSDir(as), "tls.crt"), filepath.Join(w.stack.TLSDir(as), "tls.key"))
		require.NoError(t, err)
		config.Certificates = []tls.Certificate{own}
	}
	conn, err := grpc.NewClient(w.stack.Addr(to), grpc.WithTransportCredentials(credentials.NewTLS(config)))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}
