// Package appsecrets reads the app registration that belongs to the whole
// installation: from the environment, or from files that a secret manager mounts.
package appsecrets

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// The names of the values, as variables and as files.
const (
	nameClientID       = "MICROSOFT_CLIENT_ID"
	nameClientSecret   = "MICROSOFT_CLIENT_SECRET"
	nameCertificate    = "MICROSOFT_CLIENT_CERTIFICATE"
	nameTenantID       = "MICROSOFT_TENANT_ID"
	nameCustomerAccess = "MICROSOFT_CUSTOMER_ACCESS"
)

// maxFileBytes bounds what is read of one file.
const maxFileBytes = 64 << 10

// Environment gives what the process was started with.
type Environment struct {
	ClientID           string
	ClientSecret       connection.Secret
	CertificateFile    string // private key and certificate as PEM, read anew each time
	FederatedTokenFile string // read anew whenever the app proves itself
	TenantID           string
	CustomerAccess     string // delegated or app_only; empty: delegated
}

// Credentials are the same for every tenant.
func (e Environment) Credentials(context.Context, string) (connection.Credentials, error) {
	access, err := connection.ParseCustomerAccess(e.CustomerAccess)
	if err != nil {
		return connection.Credentials{}, err
	}
	c := connection.Credentials{
		ClientID: e.ClientID, ClientSecret: e.ClientSecret, FederatedTokenFile: e.FederatedTokenFile, TenantID: e.TenantID,
		CustomerAccess: access,
	}
	if e.CertificateFile != "" {
		text, err := readValue(e.CertificateFile)
		if err == nil && text == "" {
			err = errors.New("it is not there, or empty")
		}
		if err != nil {
			return connection.Credentials{}, fmt.Errorf("reading the certificate: %w", err)
		}
		c.Certificate = connection.Secret(text)
	}
	return c, nil
}

// Check finds at the start what would otherwise fail much later: an unknown way
// to read managed tenants, more than one proof, a certificate that is none.
func (e Environment) Check() error {
	c, err := e.Credentials(context.Background(), "")
	if err != nil {
		return err
	}
	given := 0
	for _, proof := range []string{c.ClientSecret.Reveal(), c.Certificate.Reveal(), c.FederatedTokenFile} {
		if proof != "" {
			given++
		}
	}
	if given > 1 {
		return errors.New("only one of client secret, certificate and federated token may be set for the app registration")
	}
	if c.Certificate != "" {
		if _, err := connection.ParseCertificate(c.Certificate); err != nil {
			return fmt.Errorf("the certificate of the app registration %w", err)
		}
	}
	return nil
}

func readValue(path string) (string, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if info.Size() > maxFileBytes {
		return "", errors.New("the file is too large for a secret")
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(raw)), nil
}
