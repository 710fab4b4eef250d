package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/gateway/internal/gateway"
	gwhttp "github.com/entrasync/entrasync/gateway/internal/http"
	"github.com/entrasync/entrasync/gateway/internal/identity"
	"github.com/entrasync/entrasync/gateway/web"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/queue"
	"github.com/entrasync/entrasync/pkg/rpc"
	"github.com/entrasync/entrasync/pkg/secrets"
	"github.com/entrasync/entrasync/pkg/service"
	"github.com/entrasync/entrasync/pkg/vault"
)

const (
	// longestRefusal bounds how long refusals are held back.
	longestRefusal = 10 * time.Second
	// writersWaiting is how many small writes of one tenant (audit, kept answers) wait
	// for their turn: more than requests that the rate limit lets in at once.
	writersWaiting = 1024
)

// database opens the gateway's own tables until the process ends.
func (c config) database(ctx context.Context, s *service.Service) (*pg.Pool, error) {
	pool, err := pg.Open(ctx, c.DatabaseURL, pg.Options{
		Context: name, MaxConns: c.DatabaseConns, Writers: queue.Options{Waiting: writersWaiting},
	})
	if err != nil {
		return nil, err
	}
	s.Uses("database", pool.Ping, pool.Close)
	return pool, nil
}

// parts reads what the configuration names; the pool, the metrics and the
// backends are the caller's to add.
func (c config) parts(ctx context.Context) (parts gateway.Parts, err error) {
	parts = gateway.Parts{
		PublicURL: c.PublicURL, Reflection: c.Reflection, CIPP: c.CIPP, Now: time.Now,
		TenantRate: access.Rate{PerSecond: c.TenantRate, Burst: c.TenantBurst},
		UserRate:   access.Rate{PerSecond: c.UserRate, Burst: c.UserBurst}, AuditMonths: c.AuditMonths,
		Webhooks:    gateway.WebhookParts{AllowedHosts: c.WebhookHosts},
		TenantReads: c.TenantReads, TenantChanges: c.TenantChanges, Refusals: c.RefusalDelay,
		AddressRate: access.Rate{PerSecond: c.AddressRate, Burst: c.AddressBurst},
	}
	if parts.Enterprise, err = gateway.Edition(c.Edition); err != nil {
		return parts, err
	}
	if parts.PlatformKey, err = access.ParsePlatformKey(c.PlatformKeyHash); err != nil {
		return parts, err
	}
	if c.TenantReads < 1 || c.TenantChanges < 1 || c.RefusalDelay < 0 || c.RefusalDelay > longestRefusal {
		return parts, errors.New("ENTRASYNC_TENANT_READS or ENTRASYNC_TENANT_CHANGES is less than 1, or ENTRASYNC_REFUSAL_DELAY not between 0 and 10 s")
	}
	if c.AuditMonths < 0 {
		return parts, errors.New("ENTRASYNC_AUDIT_MONTHS is negative; 0 keeps all")
	}
	if parts.Proxies, err = gwhttp.ParseProxies(c.TrustedProxies); err != nil {
		return parts, err
	}
	kms := secrets.KMSClients{vault.TransitScheme: vault.Transit(c.Vault)}
	if parts.Box, err = secrets.Open(ctx, c.Keys, kms); err != nil {
		return parts, err
	}
	tokens, err := identity.New(identity.Config{
		Issuers: c.AuthIssuers, IssuerOf: c.AuthTenantIssuers, Audience: c.AuthAudience, Now: time.Now,
		Claims: identity.Claims{Tenant: c.TenantClaim, UserType: c.UserTypeClaim, Permissions: c.PermissionsClaim},
	})
	if err != nil {
		return parts, err
	}
	parts.Tokens = tokens
	return parts, c.console(&parts, tokens)
}

// console reads what people with a browser need.
func (c config) console(parts *gateway.Parts, tokens *identity.Verifier) (err error) {
	parts.Console = web.Build()
	if parts.Embed, err = gwhttp.ParseOrigins(c.EmbedOrigins); err != nil {
		return err
	}
	if c.WorkflowsURL != "" && !strings.HasPrefix(c.WorkflowsURL, "https://") && !strings.HasPrefix(c.WorkflowsURL, "http://") {
		return errors.New("ENTRASYNC_WORKFLOWS_URL must begin with https:// or http://")
	}
	parts.WorkflowsURL = c.WorkflowsURL
	if c.SessionLifetime <= 0 || c.SessionIdle <= 0 {
		return errors.New("ENTRASYNC_SESSION_LIFETIME and ENTRASYNC_SESSION_IDLE must be longer than nothing")
	}
	parts.Session = identity.SessionConfig{Lifetime: c.SessionLifetime, Idle: c.SessionIdle}
	if c.SignInClientID == "" {
		return nil
	}
	parts.SignIn, err = identity.NewSignIn(tokens, identity.Console{
		Issuer: c.SignInIssuer, ID: c.SignInClientID, Secret: c.SignInClientSecret, Scopes: c.SignInScopes,
		Redirect: strings.TrimSuffix(c.PublicURL, "/") + gwhttp.SignInCallbackPath,
	})
	return err
}

// backends dials the services, on behalf of the tenant of each call.
func (c config) backends(s *service.Service) gateway.Backends {
	dial := func(name, address string) *grpc.ClientConn { return s.Dial(name, address, rpc.WithOriginator(0)) }
	return gateway.Backends{
		Connection:     dial("connection", c.ConnectionAddr),
		Discovery:      dial("discovery", c.DiscoveryAddr),
		Mapping:        dial("mapping", c.MappingAddr),
		SyncEngine:     dial("sync-engine", c.SyncEngineAddr),
		Reconciliation: dial("reconciliation", c.ReconciliationAddr),
		Worker:         dial("worker", c.WorkerAddr),
	}
}
