package appsecrets

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// Given is what the process was started with.
type Given struct {
	ClientID           string
	ClientSecret       connection.Secret
	CertificateFile    string // private key and certificate as PEM, read anew each time
	FederatedTokenFile string // read anew whenever the app proves itself
	TenantID           string
	CustomerAccess     string // delegated or app_only; empty: delegated
}

// Environment provides what the process was started with. It is safe for use by many
// goroutines.
type Environment struct{ rotation rotation }

// NewEnvironment finds at the start what would otherwise fail much later: an unknown
// way to read managed tenants, a tenant that is none, more than one proof, a certificate that is none.
func NewEnvironment(g Given, now func() time.Time) (*Environment, error) {
	access, err := connection.ParseCustomerAccess(g.CustomerAccess)
	if err != nil {
		return nil, err
	}
	c := connection.Credentials{
		ClientID: g.ClientID, ClientSecret: g.ClientSecret, FederatedTokenFile: g.FederatedTokenFile, TenantID: g.TenantID,
		CustomerAccess: access,
	}
	if err := checkAuthority(g.TenantID); err != nil {
		return nil, err
	}
	given := 0
	for _, proof := range []string{g.ClientSecret.Reveal(), g.CertificateFile, g.FederatedTokenFile} {
		if proof != "" {
			given++
		}
	}
	if given > 1 {
		return nil, errors.New("only one of client secret, certificate and federated token may be set for the app registration")
	}
	e := &Environment{rotation{now: now, read: func() (snapshot, error) { return withCertificate(c, g.CertificateFile) }}}
	if c, err = e.rotation.credentials(); err != nil {
		return nil, err
	}
	if g.CertificateFile != "" {
		if _, err := connection.ParseCertificate(c.Certificate); err != nil {
			return nil, fmt.Errorf("the certificate of the app registration %w", err)
		}
	}
	return e, nil
}

// Credentials are the same for every tenant.
func (e *Environment) Credentials(context.Context) (connection.Credentials, error) {
	return e.rotation.credentials()
}

// withCertificate adds what stands in a file; without its name nothing.
func withCertificate(c connection.Credentials, file string) (s snapshot, err error) {
	s.credentials = c
	if file == "" {
		return s, nil
	}
	folder, atomic := current(filepath.Dir(file))
	value, changed, err := readFile(filepath.Join(folder, filepath.Base(file)))
	if err == nil && value == "" && atomic { // beside the link, and not behind it
		atomic = false
		value, changed, err = readFile(file)
	}
	if err == nil && value == "" {
		err = errors.New("it is not there, or empty")
	}
	if err != nil {
		return snapshot{}, fmt.Errorf("reading the certificate: %w", err)
	}
	s.credentials.Certificate = connection.Secret(value)
	if !atomic {
		s.changed = changed
	}
	return s, nil
}
