// The gateway is the edge: it verifies who calls, decides by the contracts'
// policies, and forwards to the services.
package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/caarlos0/env/v11"
	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/gateway/internal/front"
	"github.com/entrasync/entrasync/gateway/internal/gate"
	"github.com/entrasync/entrasync/gateway/internal/identity"
	"github.com/entrasync/entrasync/gateway/internal/inbound"
	"github.com/entrasync/entrasync/gateway/internal/limit"
	"github.com/entrasync/entrasync/gateway/internal/wire"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/queue"
	"github.com/entrasync/entrasync/pkg/rpc"
	"github.com/entrasync/entrasync/pkg/run"
	"github.com/entrasync/entrasync/pkg/secrets"
	"github.com/entrasync/entrasync/pkg/telemetry"
	"github.com/entrasync/entrasync/pkg/vault"
)

const name = "gateway"

// config is all that the process takes from its environment.
type config struct {
	Listen             string `env:"ENTRASYNC_LISTEN" envDefault:"127.0.0.1:8080"`
	AdminListen        string `env:"ENTRASYNC_ADMIN_LISTEN" envDefault:"127.0.0.1:8081"`
	DatabaseURL        string `env:"ENTRASYNC_DATABASE_URL,required,notEmpty,unset"`
	DatabaseConns      int32  `env:"ENTRASYNC_DATABASE_CONNS" envDefault:"12"`
	TLSDir             string `env:"ENTRASYNC_TLS_DIR,required,notEmpty"`
	Keys               secrets.Settings
	Vault              vault.Settings // for a master key that Vault encrypted
	ConnectionAddr     string         `env:"ENTRASYNC_CONNECTION_ADDR" envDefault:"127.0.0.1:7101"`
	DiscoveryAddr      string         `env:"ENTRASYNC_DISCOVERY_ADDR" envDefault:"127.0.0.1:7102"`
	MappingAddr        string         `env:"ENTRASYNC_MAPPING_ADDR" envDefault:"127.0.0.1:7103"`
	SyncEngineAddr     string         `env:"ENTRASYNC_SYNC_ENGINE_ADDR" envDefault:"127.0.0.1:7104"`
	ReconciliationAddr string         `env:"ENTRASYNC_RECONCILIATION_ADDR" envDefault:"127.0.0.1:7105"`
	WorkerAddr         string         `env:"ENTRASYNC_WORKER_ADDR" envDefault:"127.0.0.1:7106"`
	AuthIssuers        []string       `env:"ENTRASYNC_AUTH_ISSUER,required,notEmpty"`
	AuthAudience       string         `env:"ENTRASYNC_AUTH_AUDIENCE,required,notEmpty"`
	TenantClaim        string         `env:"ENTRASYNC_AUTH_TENANT_CLAIM" envDefault:"tenant_id"`
	UserTypeClaim      string         `env:"ENTRASYNC_AUTH_USER_TYPE_CLAIM" envDefault:"user_type"`
	PermissionsClaim   string         `env:"ENTRASYNC_AUTH_PERMISSIONS_CLAIM" envDefault:"permissions"`
	Edition            string         `env:"ENTRASYNC_EDITION" envDefault:"enterprise"`
	PlatformKeyHash    string         `env:"ENTRASYNC_PLATFORM_KEY_HASH"`
	PublicURL          string         `env:"ENTRASYNC_PUBLIC_URL" envDefault:"http://localhost:8080"`
	TenantRate         float64        `env:"ENTRASYNC_RATE_TENANT" envDefault:"200"`        // requests a second
	TenantBurst        int            `env:"ENTRASYNC_RATE_TENANT_BURST" envDefault:"1000"` // requests at once
	UserRate           float64        `env:"ENTRASYNC_RATE_USER" envDefault:"100"`
	UserBurst          int            `env:"ENTRASYNC_RATE_USER_BURST" envDefault:"500"`
	AddressRate        float64        `env:"ENTRASYNC_RATE_ADDRESS" envDefault:"5"` // refused unknown callers a second
	AddressBurst       int            `env:"ENTRASYNC_RATE_ADDRESS_BURST" envDefault:"100"`
	TrustedProxies     []string       `env:"ENTRASYNC_TRUSTED_PROXIES"`              // networks whose X-Forwarded-For counts
	AuditMonths        int            `env:"ENTRASYNC_AUDIT_MONTHS" envDefault:"13"` // kept beside the present one; 0: all
	CIPP               bool           `env:"ENTRASYNC_CIPP_ENABLED"`                 // not offered: for tests
	LogLevel           string         `env:"ENTRASYNC_LOG_LEVEL" envDefault:"info"`
	LogFormat          string         `env:"ENTRASYNC_LOG_FORMAT" envDefault:"json"`
	Reflection         bool           `env:"ENTRASYNC_REFLECTION"`
}

func main() {
	run.Main(name, func(ctx context.Context) error {
		cfg, err := env.ParseAs[config]()
		if err != nil {
			return err
		}
		return serve(ctx, cfg)
	})
}

// writersWaiting is how many small writes of one tenant (audit, kept answers) wait
// for their turn: more than requests that the rate limit lets in at once.
const writersWaiting = 1024

// serve runs the gateway until ctx ends.
func serve(ctx context.Context, cfg config) (err error) {
	stop, err := telemetry.Start(ctx, telemetry.LogOptions{Service: name, Level: cfg.LogLevel, Format: cfg.LogFormat})
	if err != nil {
		return err
	}
	defer stop()
	pool, err := pg.Open(ctx, cfg.DatabaseURL, pg.Options{Context: name, MaxConns: cfg.DatabaseConns, Writers: queue.Options{Waiting: writersWaiting}})
	if err != nil {
		return err
	}
	defer pool.Close()
	metrics := telemetry.NewMetrics()
	parts, hangUp, err := cfg.parts(ctx)
	defer func() { err = errors.Join(err, hangUp()) }()
	if err != nil {
		return err
	}
	parts.Pool, parts.Metrics = pool, metrics
	handler, err := wire.New(ctx, parts)
	if err != nil {
		return err
	}
	public, err := front.Listen(ctx, cfg.Listen, handler)
	if err != nil {
		return err
	}
	admin, err := run.AdminServer(ctx, cfg.AdminListen, metrics.Handler(), run.Check{Name: "database", Test: pool.Ping})
	if err != nil {
		return err
	}
	slog.InfoContext(ctx, "serving", "address", cfg.Listen)
	var group run.Group
	group.Add(admin)
	for _, server := range handler.Background() {
		group.Add(server)
	}
	group.Add(public)
	return group.Run(ctx)
}

// parts reads what the configuration names. hangUp ends the connections, also
// after an error.
func (cfg config) parts(ctx context.Context) (parts wire.Parts, hangUp func() error, err error) {
	var closers []func() error
	hangUp = func() error {
		var err error
		for _, end := range closers {
			err = errors.Join(err, end())
		}
		return err
	}
	parts = wire.Parts{
		PublicURL: cfg.PublicURL, Reflection: cfg.Reflection, CIPP: cfg.CIPP, Now: time.Now,
		TenantRate: limit.Rate{PerSecond: cfg.TenantRate, Burst: cfg.TenantBurst},
		UserRate:   limit.Rate{PerSecond: cfg.UserRate, Burst: cfg.UserBurst}, AuditMonths: cfg.AuditMonths,
		AddressRate: limit.Rate{PerSecond: cfg.AddressRate, Burst: cfg.AddressBurst},
	}
	if parts.Enterprise, err = wire.Edition(cfg.Edition); err != nil {
		return parts, hangUp, err
	}
	if parts.PlatformKey, err = gate.ParsePlatformKey(cfg.PlatformKeyHash); err != nil {
		return parts, hangUp, err
	}
	if cfg.AuditMonths < 0 {
		return parts, hangUp, errors.New("ENTRASYNC_AUDIT_MONTHS is negative; 0 keeps all")
	}
	if parts.Proxies, err = inbound.ParseProxies(cfg.TrustedProxies); err != nil {
		return parts, hangUp, err
	}
	kms := secrets.KMSClients{vault.TransitScheme: vault.Transit(cfg.Vault)}
	if parts.Box, err = secrets.Open(ctx, cfg.Keys, kms); err != nil {
		return parts, hangUp, err
	}
	parts.Tokens, err = identity.New(identity.Config{
		Issuers: cfg.AuthIssuers, Audience: cfg.AuthAudience, Now: time.Now,
		Claims: identity.Claims{Tenant: cfg.TenantClaim, UserType: cfg.UserTypeClaim, Permissions: cfg.PermissionsClaim},
	})
	if err != nil {
		return parts, hangUp, err
	}
	us, err := rpc.LoadIdentity(cfg.TLSDir)
	if err != nil {
		return parts, hangUp, err
	}
	b := &parts.Backends
	for _, peer := range []struct {
		service, address string
		set              func(*grpc.ClientConn)
	}{
		{"connection", cfg.ConnectionAddr, func(c *grpc.ClientConn) { b.Connection = c }},
		{"discovery", cfg.DiscoveryAddr, func(c *grpc.ClientConn) { b.Discovery = c }},
		{"mapping", cfg.MappingAddr, func(c *grpc.ClientConn) { b.Mapping = c }},
		{"sync-engine", cfg.SyncEngineAddr, func(c *grpc.ClientConn) { b.SyncEngine = c }},
		{"reconciliation", cfg.ReconciliationAddr, func(c *grpc.ClientConn) { b.Reconciliation = c }},
		{"worker", cfg.WorkerAddr, func(c *grpc.ClientConn) { b.Worker = c }},
	} {
		conn, err := rpc.Dial(us, peer.service, peer.address, rpc.WithOriginator(0))
		if err != nil {
			return parts, hangUp, err
		}
		closers = append(closers, conn.Close)
		peer.set(conn)
	}
	return parts, hangUp, nil
}
