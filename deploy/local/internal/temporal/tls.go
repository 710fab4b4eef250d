package temporal

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/entrasync/entrasync/deploy/local/internal/ports"
)

// The parties that reach a server with TLS. Each has a folder of that name below Server.TLS with
// ca.crt, tls.crt and tls.key.
const (
	// Frontend is the server itself, all its parts. It is the name in its certificate.
	Frontend = "temporal"
	// Worker is entrasync's worker.
	Worker = "worker"
	// UI is Temporal's own.
	UI = "temporal-ui"
	// Operator is who looks after the server: the stack, and people with Temporal's command line.
	Operator = "operator"
)

// Parties lists who needs a certificate.
func Parties() []string { return []string{Frontend, Worker, UI, Operator} }

// refreshCertificates is how often the server reads its certificates again, so that renewed ones
// count without a restart.
const refreshCertificates = 10 * time.Minute

// pair says where a party's certificate is.
type pair struct{ authority, certificate, key string }

func (s Server) pair(party string) pair {
	dir := filepath.Join(s.TLS, party)
	return pair{authority: filepath.Join(dir, "ca.crt"), certificate: filepath.Join(dir, "tls.crt"), key: filepath.Join(dir, "tls.key")}
}

// serverTLS has every listener of the server want a certificate: the frontend's, and those through
// which its parts reach one another, for who reaches these could change runs as well.
func (s Server) serverTLS() map[string]any {
	if s.TLS == "" {
		return map[string]any{}
	}
	own := s.pair(Frontend)
	client := map[string]any{"serverName": Frontend, "rootCaFiles": []string{own.authority}}
	both := map[string]any{
		"server": map[string]any{
			"certFile": own.certificate, "keyFile": own.key, "requireClientAuth": true, "clientCaFiles": []string{own.authority},
		},
		"client": client,
	}
	return map[string]any{
		"frontend": both, "internode": both,
		"systemWorker":    map[string]any{"certFile": own.certificate, "keyFile": own.key, "client": client},
		"refreshInterval": refreshCertificates.String(),
	}
}

func (s Server) uiTLS() map[string]any {
	if s.TLS == "" {
		return map[string]any{}
	}
	own := s.pair(UI)
	return map[string]any{
		"caFile": own.authority, "certFile": own.certificate, "keyFile": own.key,
		"enableHostVerification": true, "serverName": Frontend,
	}
}

// Environ tells the worker's program how to reach the server, and as whom.
func (s Server) Environ(party string) map[string]string {
	env := map[string]string{"ENTRASYNC_TEMPORAL_ADDR": ports.Addr(s.Ports.Temporal), "ENTRASYNC_TEMPORAL_NAMESPACE": s.Namespace}
	if s.TLS != "" {
		own := s.pair(party)
		env["ENTRASYNC_TEMPORAL_TLS_CA"], env["ENTRASYNC_TEMPORAL_TLS_SERVER"] = own.authority, Frontend
		env["ENTRASYNC_TEMPORAL_TLS_CERT"], env["ENTRASYNC_TEMPORAL_TLS_KEY"] = own.certificate, own.key
	}
	return env
}

// credentials are the operator's.
func (s Server) credentials() (credentials.TransportCredentials, error) {
	if s.TLS == "" {
		return insecure.NewCredentials(), nil
	}
	own := s.pair(Operator)
	certificate, err := tls.LoadX509KeyPair(own.certificate, own.key)
	if err != nil {
		return nil, fmt.Errorf("the operator's certificate: %w", err)
	}
	authority, err := os.ReadFile(own.authority)
	if err != nil {
		return nil, fmt.Errorf("the authority of Temporal's certificate: %w", err)
	}
	config := &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: Frontend,
		Certificates: []tls.Certificate{certificate}, RootCAs: x509.NewCertPool(),
	}
	if !config.RootCAs.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("%s holds no certificate", own.authority)
	}
	return credentials.NewTLS(config), nil
}
