package temporal

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
)

// A Temporal on another machine is reached with a certificate or an API key, or not at all.
func TestTemporalOffThisMachineNeedsCredentials(t *testing.T) {
	t.Parallel()
	dir := rpctest.New(t).Dir("worker")
	key := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(key, []byte("secret\n"), 0o600))
	cert, certKey := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	for name, c := range map[string]struct {
		connection Connection
		want       string // in the error
	}{
		"loopback":              {Connection{Address: "127.0.0.1:7233"}, ""},
		"loopback, version 6":   {Connection{Address: "[::1]:7233"}, ""},
		"by the name":           {Connection{Address: "localhost:7233"}, ""},
		"elsewhere":             {Connection{Address: "temporal:7233"}, "not on this machine"},
		"an address":            {Connection{Address: "10.0.0.1:7233"}, "not on this machine"},
		"any address":           {Connection{Address: "0.0.0.0:7233"}, "not on this machine"},
		"TLS alone":             {Connection{Address: "temporal:7233", TLS: true, CAFile: filepath.Join(dir, "ca.crt")}, "not on this machine"},
		"mTLS":                  {Connection{Address: "temporal:7233", CertFile: cert, KeyFile: certKey}, ""},
		"an API key":            {Connection{Address: "temporal:7233", APIKeyFile: key}, ""},
		"both":                  {Connection{Address: "temporal:7233", CertFile: cert, KeyFile: certKey, APIKeyFile: key}, "not both"},
		"half a certificate":    {Connection{Address: "temporal:7233", CertFile: cert}, "belong together"},
		"no such certificate":   {Connection{Address: "temporal:7233", CertFile: "/none", KeyFile: "/none"}, "TLS_CERT"},
		"no such key":           {Connection{Address: "temporal:7233", APIKeyFile: "/none"}, "API_KEY_FILE"},
		"an empty key":          {Connection{Address: "temporal:7233", APIKeyFile: os.DevNull}, "is empty"},
		"no such authority":     {Connection{Address: "127.0.0.1:7233", CAFile: "/none"}, "TLS_CA"},
		"an authority of words": {Connection{Address: "127.0.0.1:7233", CAFile: key}, "no certificate"},
		"no port":               {Connection{Address: "temporal"}, "ENTRASYNC_TEMPORAL_ADDR"},
	} {
		dialled, err := Dial(c.connection, inClear)
		if c.want != "" {
			require.ErrorContains(t, err, c.want, name)
			continue
		}
		require.NoError(t, err, name)
		dialled.Close()
	}
}

// frontend is a Temporal that says who asked.
type frontend struct {
	workflowservice.UnimplementedWorkflowServiceServer
	asked chan [2]string // common name of the certificate, authorization
}

func (f *frontend) GetSystemInfo(ctx context.Context, _ *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	var who [2]string
	from, _ := peer.FromContext(ctx)
	if info, ok := from.AuthInfo.(credentials.TLSInfo); ok && len(info.State.PeerCertificates) > 0 {
		who[0] = info.State.PeerCertificates[0].Subject.CommonName
	}
	if values := metadata.ValueFromIncomingContext(ctx, "authorization"); len(values) > 0 {
		who[1] = values[0]
	}
	select {
	case f.asked <- who:
	default:
	}
	return &workflowservice.GetSystemInfoResponse{}, nil
}

func TestTheWorkerShowsTemporalWhoItIs(t *testing.T) {
	t.Parallel()
	network := rpctest.New(t)
	server, own := network.Dir("temporal"), network.Dir("worker")
	certificate, err := tls.LoadX509KeyPair(filepath.Join(server, "tls.crt"), filepath.Join(server, "tls.key"))
	require.NoError(t, err)
	pem, err := os.ReadFile(filepath.Join(server, "ca.crt"))
	require.NoError(t, err)
	authority := x509.NewCertPool()
	require.True(t, authority.AppendCertsFromPEM(pem))
	serve := func(policy tls.ClientAuthType) (address string, asked chan [2]string) {
		f := &frontend{asked: make(chan [2]string, 1)}
		s := grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{
			MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}, ClientCAs: authority, ClientAuth: policy,
		})))
		workflowservice.RegisterWorkflowServiceServer(s, f)
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		t.Cleanup(s.Stop)
		go func() { _ = s.Serve(listener) }()
		return listener.Addr().String(), f.asked
	}
	ask := func(connection Connection) error {
		c, err := Dial(connection, inClear)
		require.NoError(t, err)
		defer c.Close()
		ctx, cancel := context.WithTimeout(t.Context(), mostWait)
		defer cancel()
		_, err = c.WorkflowService().GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{})
		return err
	}
	ca := filepath.Join(own, "ca.crt")

	address, asked := serve(tls.RequireAndVerifyClientCert)
	require.NoError(t, ask(Connection{
		Address: address, CAFile: ca, ServerName: "temporal", CertFile: filepath.Join(own, "tls.crt"), KeyFile: filepath.Join(own, "tls.key"),
	}))
	require.Equal(t, "worker", (<-asked)[0])

	address, asked = serve(tls.NoClientCert)
	key := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(key, []byte("secret\n"), 0o600))
	require.NoError(t, ask(Connection{Address: address, CAFile: ca, ServerName: "temporal", APIKeyFile: key}))
	require.Equal(t, "Bearer secret", (<-asked)[1])

	options := client.Options{}
	require.NoError(t, Connection{Address: address, CAFile: ca, ServerName: "another"}.apply(&options))
	conn, err := tls.Dial("tcp", address, options.ConnectionOptions.TLS)
	if err == nil {
		_ = conn.Close()
	}
	require.Error(t, err, "a server of another name is not Temporal")
}
