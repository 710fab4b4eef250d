package assembly

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/entrasync/entrasync/pkg/secrets"
	vaultclient "github.com/entrasync/entrasync/pkg/vault"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/graph"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/signin"
	"github.com/entrasync/entrasync/services/connection/internal/vault"
)

const (
	// CallbackPath is where Microsoft sends browsers back to, below the public address.
	CallbackPath = "/api/auth/microsoft/entra/callback"
	resultPath   = "/integrations/entra/result"
)

// Settings are what the connection itself is configured with.
type Settings struct {
	PublicURL       string   `env:"ENTRASYNC_PUBLIC_URL" envDefault:"http://localhost:8080"`
	ReturnToAllowed []string `env:"ENTRASYNC_RETURN_TO_ALLOWED"` // exact addresses
	LoginURL        string   `env:"ENTRASYNC_MICROSOFT_LOGIN_URL" envDefault:"https://login.microsoftonline.com"`
	GraphURL        string   `env:"ENTRASYNC_MICROSOFT_GRAPH_URL" envDefault:"https://graph.microsoft.com"`
	// TenantSource is where managed tenants are listed: relationships (also for
	// none), customers or lighthouse.
	TenantSource    string       `env:"ENTRASYNC_MICROSOFT_TENANT_SOURCE"`
	PartnerURL      string       `env:"ENTRASYNC_MICROSOFT_PARTNER_URL" envDefault:"https://api.partnercenter.microsoft.com"`
	ClientID        string       `env:"MICROSOFT_CLIENT_ID"`
	ClientSecret    secrets.Text `env:"MICROSOFT_CLIENT_SECRET,unset"`
	CertificateFile string       `env:"MICROSOFT_CLIENT_CERTIFICATE_FILE"`
	FederatedFile   string       `env:"MICROSOFT_FEDERATED_TOKEN_FILE"`
	TenantID        string       `env:"MICROSOFT_TENANT_ID"`
	CustomerAccess  string       `env:"MICROSOFT_CUSTOMER_ACCESS"` // delegated or app_only; empty: delegated
	AppSecretsDir   string       `env:"ENTRASYNC_APP_SECRETS_DIR"`
	Secrets         string       `env:"ENTRASYNC_SECRETS" envDefault:"postgres"` // or vault
	Vault           vaultclient.Settings
	KV              vault.Settings

	// Kinds of connections beside the direct one; they have variables of their own.
	Kinds []KindOpener `env:"-"`
}

// consolePages are the pages of the console that a sign-in may lead back to.
var consolePages = []string{"/integrations/entra", "/integrations/entra/setup"}

// returns reads where a browser may end: the result page, the console, or an
// address of the list.
func (s Settings) returns() (connection.Returns, error) {
	public := strings.TrimRight(s.PublicURL, "/")
	r := connection.Returns{Default: public + resultPath}
	for _, page := range consolePages {
		r.Allowed = append(r.Allowed, public+page)
	}
	for _, raw := range append([]string{r.Default}, s.ReturnToAllowed...) {
		raw = strings.TrimSpace(raw)
		if raw == "" {
			continue
		}
		u, err := url.Parse(raw)
		if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || u.User != nil || u.Fragment != "" {
			return connection.Returns{}, fmt.Errorf("%q is not an address that a browser can return to", raw)
		}
		if raw != r.Default {
			r.Allowed = append(r.Allowed, raw)
		}
	}
	return r, nil
}

// SignIn makes a client of the configured identity platform.
func (s Settings) SignIn(now func() time.Time) (*signin.Client, error) {
	return signin.New(signin.Options{
		Login: s.LoginURL, PartnerCenter: s.PartnerURL, RedirectURI: strings.TrimRight(s.PublicURL, "/") + CallbackPath,
		Scopes: graph.TenantSource(s.TenantSource).Scopes(), Now: now,
	})
}

// Graph makes a client of the configured Microsoft Graph.
func (s Settings) Graph(now func() time.Time) (*graph.Client, error) {
	return graph.New(graph.Options{Address: s.GraphURL, Source: graph.TenantSource(s.TenantSource), Now: now})
}
