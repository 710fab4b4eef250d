// The connection service holds the connection to Microsoft: app credentials,
// consent and tokens. It is the only part that calls Microsoft or holds a
// secret; others read directories through it.
package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/queue"
	pkgrpc "github.com/entrasync/entrasync/pkg/rpc"
	"github.com/entrasync/entrasync/pkg/run"
	"github.com/entrasync/entrasync/pkg/secrets"
	"github.com/entrasync/entrasync/pkg/telemetry"
	session "github.com/entrasync/entrasync/pkg/vault"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft"
	"github.com/entrasync/entrasync/services/connection/internal/rpc"
	"github.com/entrasync/entrasync/services/connection/internal/vault"
)

const (
	name = "connection"
	// maxGrantLocks is how many locks for refreshes, and how many for other changes,
	// are held at once. Each has a connection while its holder needs another, so the
	// pool must be larger than twice that.
	maxGrantLocks = 4
	minConns      = 2*maxGrantLocks + 2
	// backgroundConns are for effects, events and the sweepers.
	backgroundConns = 2
	sweepEvery      = time.Minute

	callbackPath = "/api/auth/microsoft/entra/callback"
	resultPath   = "/integrations/entra/result"
)

// config is all that the process takes from its environment.
type config struct {
	Listen        string `env:"ENTRASYNC_LISTEN" envDefault:"127.0.0.1:7101"`
	AdminListen   string `env:"ENTRASYNC_ADMIN_LISTEN" envDefault:"127.0.0.1:7201"`
	DatabaseURL   string `env:"ENTRASYNC_DATABASE_URL,required,notEmpty,unset"`
	DatabaseConns int32  `env:"ENTRASYNC_DATABASE_CONNS" envDefault:"12"` // at least minConns
	TLSDir        string `env:"ENTRASYNC_TLS_DIR,required,notEmpty"`
	Keys          secrets.Settings
	LogLevel      string `env:"ENTRASYNC_LOG_LEVEL" envDefault:"info"`
	LogFormat     string `env:"ENTRASYNC_LOG_FORMAT" envDefault:"json"`
	Reflection    bool   `env:"ENTRASYNC_REFLECTION"`
	Settings      settings
}

// settings are what the connection itself is configured with.
type settings struct {
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
	// CIPPAllowedHosts are places, host:port as in the address, where a CIPP may be
	// though no public address is behind them.
	CIPPAllowedHosts []string `env:"ENTRASYNC_CIPP_ALLOWED_HOSTS"`
	Vault            session.Settings
	KV               vault.Settings
}

func main() {
	run.Main(name, func(ctx context.Context) error {
		if len(os.Args) > 1 {
			return operate(ctx, os.Args[1:], os.Stdout, time.Now)
		}
		cfg, err := env.ParseAs[config]()
		if err != nil {
			return err
		}
		return serve(ctx, cfg)
	})
}

// pool says how connections are shared out. Locks have their own bound, so the
// writers' is what the locks leave over.
func (c config) pool() pg.Options {
	conns := max(c.DatabaseConns, minConns)
	return pg.Options{
		Context: name, MaxConns: conns, BackgroundConns: backgroundConns,
		Writers: queue.Options{Total: int(conns-2*maxGrantLocks) / 2},
	}
}

// serve runs the service until ctx ends.
func serve(ctx context.Context, cfg config) (err error) {
	stop, err := telemetry.Start(ctx, telemetry.LogOptions{Service: name, Level: cfg.LogLevel, Format: cfg.LogFormat})
	if err != nil {
		return err
	}
	defer stop()
	identity, err := pkgrpc.LoadIdentity(cfg.TLSDir)
	if err != nil {
		return err
	}
	box, err := secrets.Open(ctx, cfg.Keys, kms(cfg.Settings.Vault))
	if err != nil {
		return err
	}
	pool, err := pg.Open(ctx, cfg.DatabaseURL, cfg.pool())
	if err != nil {
		return err
	}
	defer pool.Close()
	parts, err := assemble(cfg.Settings, pool, box, time.Now)
	if err != nil {
		return err
	}
	defer parts.close()
	metrics := telemetry.NewMetrics()
	metrics.MustRegister(parts.store.metrics...)
	server, err := pkgrpc.NewServer(identity, pkgrpc.WithReflection(cfg.Reflection), pkgrpc.WithMetrics(metrics))
	if err != nil {
		return err
	}
	rpc.Register(server, parts.useCases)
	calls, err := server.Listen(ctx, cfg.Listen)
	if err != nil {
		return err
	}
	checks := append(parts.readiness(), run.Check{Name: "database", Test: pool.Ping})
	admin, err := run.AdminServer(ctx, cfg.AdminListen, metrics.Handler(), checks...)
	if err != nil {
		return err
	}
	var group run.Group
	group.Add(admin)
	for _, work := range parts.upkeep() {
		group.Add(work)
	}
	group.Add(calls)
	return group.Run(ctx)
}

// returns reads where a browser may end: the result page, or an address of the
// list.
func (s settings) returns() (connection.Returns, error) {
	public := strings.TrimRight(s.PublicURL, "/")
	r := connection.Returns{Default: public + resultPath}
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

func (s settings) microsoft(now func() time.Time) (*microsoft.Client, error) {
	return microsoft.New(microsoft.Options{
		Endpoints:   microsoft.Endpoints{Login: s.LoginURL, Graph: s.GraphURL, Partner: s.PartnerURL},
		RedirectURI: strings.TrimRight(s.PublicURL, "/") + callbackPath, Now: now,
		Source: microsoft.TenantSource(s.TenantSource),
	})
}
