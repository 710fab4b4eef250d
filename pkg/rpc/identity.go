// Package rpc is how services call each other: gRPC over mTLS, callers listed
// per method, a signed statement of the tenant and actor, errors in one table.
package rpc

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// The files of a TLS folder, laid out as cert-manager does.
const (
	caFile   = "ca.crt"
	certFile = "tls.crt"
	keyFile  = "tls.key"
)

// Identity identifies this process to its peers: a certificate that names the
// service, its key, and the authority against which peers are checked. Changed
// files are read at the next handshake or signature.
type Identity struct {
	dir string

	mu      sync.Mutex
	stamp   [3]fileStamp
	current material
}

// material is one consistent state of the folder.
type material struct {
	name  string
	cert  tls.Certificate // with Leaf
	roots *x509.CertPool
}

type fileStamp struct {
	modified time.Time
	size     int64
}

// LoadIdentity reads a TLS folder: ca.crt, tls.crt and tls.key. The certificate
// names its service by the one DNS name in it that has no dot ("mapping").
func LoadIdentity(dir string) (*Identity, error) {
	i := &Identity{dir: dir}
	stamp, err := i.readStamp()
	if err != nil {
		return nil, fmt.Errorf("reading the TLS folder: %w", err)
	}
	current, err := load(dir)
	if err != nil {
		return nil, fmt.Errorf("reading the TLS folder: %w", err)
	}
	i.stamp, i.current = stamp, current
	return i, nil
}

// Name is the service that the certificate names.
func (i *Identity) Name() string { return i.now().name }

// Leaf is the certificate in use; for metrics of its expiry.
func (i *Identity) Leaf() *x509.Certificate { return i.now().cert.Leaf }

func (i *Identity) readStamp() (stamp [3]fileStamp, err error) {
	for n, name := range []string{caFile, certFile, keyFile} {
		var info fs.FileInfo
		if info, err = os.Stat(filepath.Join(i.dir, name)); err != nil {
			return stamp, err
		}
		stamp[n] = fileStamp{modified: info.ModTime(), size: info.Size()}
	}
	return stamp, nil
}

// now is the newest state that can be read. While the folder is being rewritten
// the last good one holds.
func (i *Identity) now() material {
	i.mu.Lock()
	defer i.mu.Unlock()
	stamp, err := i.readStamp()
	if err == nil && stamp == i.stamp {
		return i.current
	}
	var fresh material
	if err == nil {
		fresh, err = load(i.dir)
	}
	if err != nil {
		slog.Warn("keeping the old certificate", "error", err)
		return i.current
	}
	i.stamp, i.current = stamp, fresh
	return fresh
}

func load(dir string) (material, error) {
	ca, err := os.ReadFile(filepath.Join(dir, caFile))
	if err != nil {
		return material{}, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return material{}, fmt.Errorf("%s holds no certificate", caFile)
	}
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, certFile), filepath.Join(dir, keyFile))
	if err != nil {
		return material{}, err
	}
	if _, ok := cert.PrivateKey.(crypto.Signer); !ok {
		return material{}, fmt.Errorf("the key in %s cannot sign", keyFile)
	}
	name, err := serviceName(cert.Leaf)
	if err != nil {
		return material{}, err
	}
	return material{name: name, cert: cert, roots: roots}, nil
}

var namePattern = regexp.MustCompile(`\A[a-z][a-z0-9-]{0,62}\z`)

// serviceName is the one DNS name of a certificate that has no dot.
func serviceName(cert *x509.Certificate) (name string, err error) {
	for _, dns := range cert.DNSNames {
		if !namePattern.MatchString(dns) {
			continue
		}
		if name != "" {
			return "", errors.New("the certificate names more than one service")
		}
		name = dns
	}
	if name == "" {
		return "", errors.New("the certificate names no service")
	}
	return name, nil
}

// serverCredentials ask for a client certificate of our authority.
func (i *Identity) serverCredentials() credentials.TransportCredentials {
	return credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS13,
		NextProtos: []string{"h2"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			m := i.now()
			return &tls.Config{
				MinVersion:   tls.VersionTLS13,
				NextProtos:   []string{"h2"},
				Certificates: []tls.Certificate{m.cert},
				ClientAuth:   tls.RequireAndVerifyClientCert,
				ClientCAs:    m.roots,
			}, nil
		},
	})
}

// clientCredentials dial the service of the given name, whatever the address.
func (i *Identity) clientCredentials(service string) credentials.TransportCredentials {
	return &clientCredentials{identity: i, service: service}
}

// clientCredentials take the certificate and the authority anew at each
// handshake, so that changed files hold from then on.
type clientCredentials struct {
	identity *Identity
	service  string
}

func (c *clientCredentials) tls() credentials.TransportCredentials {
	m := c.identity.now()
	return credentials.NewTLS(&tls.Config{
		MinVersion:   tls.VersionTLS13,
		ServerName:   c.service,
		RootCAs:      m.roots,
		Certificates: []tls.Certificate{m.cert},
	})
}

func (c *clientCredentials) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return c.tls().ClientHandshake(ctx, authority, conn)
}

func (c *clientCredentials) ServerHandshake(net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("these credentials are a client's")
}

func (c *clientCredentials) Info() credentials.ProtocolInfo {
	// The library takes the call's authority from here; without it, it would check
	// the certificate against the address.
	return credentials.ProtocolInfo{SecurityProtocol: "tls", ServerName: c.service} //nolint:staticcheck // see above
}

func (c *clientCredentials) Clone() credentials.TransportCredentials {
	return &clientCredentials{identity: c.identity, service: c.service}
}

func (c *clientCredentials) OverrideServerName(string) error {
	return errors.New("the server's name is that of its service")
}

// peerName is the service that the peer's verified certificate names.
func peerName(ctx context.Context) (string, error) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return "", errs.Of(reason.CertificateMissing)
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.VerifiedChains) == 0 {
		return "", errs.Of(reason.CertificateMissing)
	}
	name, err := serviceName(info.State.VerifiedChains[0][0])
	if err != nil {
		return "", errs.Wrap(err, errs.Unauthenticated, reason.CertificateInvalid, "The caller's certificate names no service.")
	}
	return name, nil
}
