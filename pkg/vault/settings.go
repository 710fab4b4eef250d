// Package vault is a session with HashiCorp Vault or OpenBao over its HTTP API:
// address and TLS, login by AppRole or Kubernetes, tokens renewed in time, and
// answers as classified errors. What is stored where is for its callers to say.
package vault

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/entrasync/entrasync/pkg/publicnet"
	"github.com/entrasync/entrasync/pkg/secrets"
)

// The ways to log in.
const (
	AppRole    = "approle"
	Kubernetes = "kubernetes"
)

const (
	// requestTimeout bounds one request, whatever the caller allows.
	requestTimeout = 10 * time.Second
	// maxAnswerBytes bounds one answer: a secret of 64 KiB in base64 and JSON, or a
	// list of some ten thousand names.
	maxAnswerBytes = 1 << 20
	// maxFileBytes bounds a mounted credential.
	maxFileBytes = 64 << 10
	// kubernetesToken is where Kubernetes mounts the pod's own token.
	kubernetesToken = "/var/run/secrets/kubernetes.io/serviceaccount/token"
)

// Settings name the store and the login.
type Settings struct {
	Address      string       `env:"ENTRASYNC_VAULT_ADDR"`      // https, http on loopback alone
	Namespace    string       `env:"ENTRASYNC_VAULT_NAMESPACE"` // empty: none
	Auth         string       `env:"ENTRASYNC_VAULT_AUTH" envDefault:"approle"`
	AuthMount    string       `env:"ENTRASYNC_VAULT_AUTH_MOUNT"` // empty: named as the method
	RoleID       string       `env:"ENTRASYNC_VAULT_ROLE_ID"`
	SecretID     secrets.Text `env:"ENTRASYNC_VAULT_SECRET_ID,unset"`
	SecretIDFile string       `env:"ENTRASYNC_VAULT_SECRET_ID_FILE"` // read anew at each login
	Role         string       `env:"ENTRASYNC_VAULT_K8S_ROLE"`
	TokenFile    string       `env:"ENTRASYNC_VAULT_K8S_TOKEN_FILE"` // read anew at each login; empty: the pod's own
	CAFile       string       `env:"ENTRASYNC_VAULT_CA_FILE"`        // PEM; empty: the system's
}

// check refuses settings that cannot work or are not safe.
func (s Settings) check() error {
	address, err := url.Parse(s.Address)
	switch {
	case s.Address == "":
		return errors.New("ENTRASYNC_VAULT_ADDR is not set")
	case err != nil || address.Host == "" || address.User != nil || strings.Trim(address.Path, "/") != "" || address.RawQuery != "":
		return errors.New("ENTRASYNC_VAULT_ADDR is not an address such as https://vault.example:8200")
	case address.Scheme != "https" && (address.Scheme != "http" || !publicnet.Loopback(address.Hostname())):
		return errors.New("ENTRASYNC_VAULT_ADDR must be https; http is for loopback addresses alone")
	}
	switch s.Auth {
	case AppRole:
		if s.RoleID == "" || (s.SecretID == "") == (s.SecretIDFile == "") {
			return errors.New("AppRole needs ENTRASYNC_VAULT_ROLE_ID and one of ENTRASYNC_VAULT_SECRET_ID and ENTRASYNC_VAULT_SECRET_ID_FILE")
		}
	case Kubernetes:
		if s.Role == "" {
			return errors.New("Kubernetes login needs ENTRASYNC_VAULT_K8S_ROLE")
		}
	default:
		return fmt.Errorf("ENTRASYNC_VAULT_AUTH is %q: choose %s or %s", s.Auth, AppRole, Kubernetes)
	}
	if strings.ContainsAny(s.AuthMount, "?#%") || strings.Contains(s.AuthMount, "..") {
		return errors.New("ENTRASYNC_VAULT_AUTH_MOUNT is not a path")
	}
	return nil
}

// credentials are what a login sends.
func (s Settings) credentials() (map[string]any, error) {
	if s.Auth == Kubernetes {
		file := s.TokenFile
		if file == "" {
			file = kubernetesToken
		}
		token, err := readFile(file)
		return map[string]any{"role": s.Role, "jwt": token}, err
	}
	if s.SecretIDFile == "" {
		return map[string]any{"role_id": s.RoleID, "secret_id": s.SecretID.Reveal()}, nil
	}
	id, err := readFile(s.SecretIDFile)
	return map[string]any{"role_id": s.RoleID, "secret_id": id}, err
}

func readFile(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	raw, err := io.ReadAll(io.LimitReader(file, maxFileBytes+1))
	if err != nil {
		return "", err
	}
	value := strings.TrimSpace(string(raw))
	if value == "" || len(raw) > maxFileBytes {
		return "", fmt.Errorf("%s is empty or too large", path)
	}
	return value, nil
}

// transport makes connections with the settings' CA and bounds answers.
func (s Settings) transport() (http.RoundTripper, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.CAFile != "" {
		pem, err := os.ReadFile(s.CAFile)
		if err != nil {
			return nil, fmt.Errorf("reading ENTRASYNC_VAULT_CA_FILE: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("ENTRASYNC_VAULT_CA_FILE holds no certificate")
		}
	}
	return bounded{&http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: config, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 8,
		IdleConnTimeout: time.Minute, TLSHandshakeTimeout: requestTimeout, ResponseHeaderTimeout: requestTimeout,
	}}, nil
}

// bounded cuts answers that are too large; what is cut does not decode.
type bounded struct{ inner http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.inner.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = limited{io.LimitReader(resp.Body, maxAnswerBytes), resp.Body}
	return resp, nil
}

type limited struct {
	io.Reader
	io.Closer
}
