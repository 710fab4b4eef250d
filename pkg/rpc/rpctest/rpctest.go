// Package rpctest is a network of services for tests: an authority of its own,
// a certificate for each service, servers on loopback, real mTLS.
package rpctest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/rpc"
)

// stopTimeout bounds the end of a test's server on a busy machine.
const stopTimeout = time.Minute

// Network is an authority and the services that it certified.
type Network struct {
	t   testing.TB
	key *ecdsa.PrivateKey
	ca  *x509.Certificate

	mu         sync.Mutex
	identities map[string]*rpc.Identity
}

// New makes an authority that lives as long as the test.
func New(t testing.TB) *Network {
	t.Helper()
	n := &Network{t: t, key: newKey(t), identities: map[string]*rpc.Identity{}}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &n.key.PublicKey, n.key)
	check(t, err)
	n.ca, err = x509.ParseCertificate(der)
	check(t, err)
	return n
}

// Dir is a TLS folder with a fresh certificate for the named service.
func (n *Network) Dir(service string) string {
	n.t.Helper()
	dir := n.t.TempDir()
	n.Write(dir, service)
	return dir
}

// Write puts a fresh certificate for the named service into a folder, as a
// renewal does.
func (n *Network) Write(dir, service string) {
	n.t.Helper()
	key := newKey(n.t)
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	check(n.t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: service}, DNSNames: []string{service},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, n.ca, &key.PublicKey, n.key)
	check(n.t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	check(n.t, err)
	for name, block := range map[string]*pem.Block{
		"ca.crt":  {Type: "CERTIFICATE", Bytes: n.ca.Raw},
		"tls.crt": {Type: "CERTIFICATE", Bytes: der},
		"tls.key": {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		check(n.t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600))
	}
}

// Identity is that of the named service; the same one each time.
func (n *Network) Identity(service string) *rpc.Identity {
	n.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if identity, ok := n.identities[service]; ok {
		return identity
	}
	identity, err := rpc.LoadIdentity(n.Dir(service))
	check(n.t, err)
	n.identities[service] = identity
	return identity
}

// Serve runs a server of the named service on a free port until the test ends
// and gives its address. Register adds the services.
func (n *Network) Serve(service string, register func(grpc.ServiceRegistrar), opts ...rpc.ServerOption) (address string) {
	n.t.Helper()
	server := rpc.NewServer(n.Identity(service), opts...)
	register(server)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(n.t, err)
	running := server.On(service, listener)
	ended := make(chan error, 1)
	go func() { ended <- running.Serve(context.WithoutCancel(n.t.Context())) }()
	n.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		if err := errors.Join(running.Stop(ctx), <-ended); err != nil {
			n.t.Errorf("rpctest: %s: %v", service, err)
		}
	})
	return listener.Addr().String()
}

// Dial connects one service to another; the gateway and the worker sign the
// tenant.Call of each context.
func (n *Network) Dial(from, to, address string, opts ...rpc.ClientOption) *grpc.ClientConn {
	n.t.Helper()
	if from == "gateway" || from == "worker" {
		opts = append([]rpc.ClientOption{rpc.WithOriginator(0)}, opts...)
	}
	conn, err := rpc.Dial(n.Identity(from), to, address, opts...)
	check(n.t, err)
	n.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	return key
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("rpctest: %v", err)
	}
}
