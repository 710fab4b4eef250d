package temporal

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/entrasync/entrasync/pkg/publicnet"
	"github.com/entrasync/entrasync/pkg/secrets"
)

// Connection is the address of Temporal and how the worker authenticates there. Files are read again for
// each new connection, so that a renewed certificate or key counts without a restart.
type Connection struct {
	Address    string `env:"ENTRASYNC_TEMPORAL_ADDR" envDefault:"127.0.0.1:7233"` // host:port
	Namespace  string `env:"ENTRASYNC_TEMPORAL_NAMESPACE" envDefault:"entrasync"`
	TLS        bool   `env:"ENTRASYNC_TEMPORAL_TLS"`          // implied by each of the following
	CAFile     string `env:"ENTRASYNC_TEMPORAL_TLS_CA"`       // PEM; else the system's authorities
	CertFile   string `env:"ENTRASYNC_TEMPORAL_TLS_CERT"`     // PEM, of the worker, for mTLS
	KeyFile    string `env:"ENTRASYNC_TEMPORAL_TLS_KEY"`      // PEM
	ServerName string `env:"ENTRASYNC_TEMPORAL_TLS_SERVER"`   // in the server's certificate; else the address's host
	APIKeyFile string `env:"ENTRASYNC_TEMPORAL_API_KEY_FILE"` // holds the API key, instead of mTLS

	PayloadKeyFile string `env:"ENTRASYNC_TEMPORAL_PAYLOAD_KEY_FILE"` // a Tink key set that seals what Temporal keeps; empty: clear text
}

// Payloads is how what Temporal keeps is written and read; see the function of that name.
func (c Connection) Payloads() (converter.DataConverter, error) {
	if c.PayloadKeyFile == "" {
		return Payloads(nil, c.Namespace), nil
	}
	box, err := c.box()
	if err != nil {
		return nil, err
	}
	return Payloads(box, c.Namespace), nil
}

func (c Connection) box() (*secrets.Box, error) {
	box, err := secrets.OpenBox(c.PayloadKeyFile)
	if err != nil {
		return nil, fmt.Errorf("ENTRASYNC_TEMPORAL_PAYLOAD_KEY_FILE: %w", err)
	}
	return box, nil
}

// check refuses a connection that is not encrypted or not authenticated, except to a server on
// this machine.
func (c Connection) check() error {
	host, _, err := net.SplitHostPort(c.Address)
	if err != nil {
		return fmt.Errorf("ENTRASYNC_TEMPORAL_ADDR: %w", err)
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		return errors.New("ENTRASYNC_TEMPORAL_TLS_CERT and ENTRASYNC_TEMPORAL_TLS_KEY belong together")
	}
	if c.CertFile != "" && c.APIKeyFile != "" {
		return errors.New("set a certificate or an API key for Temporal, not both")
	}
	if !publicnet.Loopback(host) && c.CertFile == "" && c.APIKeyFile == "" {
		return fmt.Errorf("Temporal at %s is not on this machine: set ENTRASYNC_TEMPORAL_TLS_CERT and ENTRASYNC_TEMPORAL_TLS_KEY, or ENTRASYNC_TEMPORAL_API_KEY_FILE", c.Address)
	}
	return nil
}

// apply adds the connection to the options of a client.
func (c Connection) apply(options *client.Options) error {
	if err := c.check(); err != nil {
		return err
	}
	options.HostPort, options.Namespace = c.Address, c.Namespace
	if !c.TLS && c.CAFile == "" && c.CertFile == "" && c.APIKeyFile == "" && c.ServerName == "" {
		return nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.ServerName}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return fmt.Errorf("ENTRASYNC_TEMPORAL_TLS_CA: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("ENTRASYNC_TEMPORAL_TLS_CA: %s holds no certificate", c.CAFile)
		}
	}
	if c.CertFile != "" {
		if _, err := c.certificate(nil); err != nil {
			return err
		}
		config.GetClientCertificate = c.certificate
	}
	if c.APIKeyFile != "" {
		if _, err := c.apiKey(context.Background()); err != nil {
			return err
		}
		options.Credentials = client.NewAPIKeyDynamicCredentials(c.apiKey)
	}
	options.ConnectionOptions.TLS = config
	return nil
}

func (c Connection) certificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	certificate, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("ENTRASYNC_TEMPORAL_TLS_CERT: %w", err)
	}
	return &certificate, nil
}

func (c Connection) apiKey(context.Context) (string, error) {
	key, err := os.ReadFile(c.APIKeyFile)
	if err != nil {
		return "", fmt.Errorf("ENTRASYNC_TEMPORAL_API_KEY_FILE: %w", err)
	}
	if text := strings.TrimSpace(string(key)); text != "" {
		return text, nil
	}
	return "", fmt.Errorf("ENTRASYNC_TEMPORAL_API_KEY_FILE: %s is empty", c.APIKeyFile)
}
