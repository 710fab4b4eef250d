package main

import (
	"time"

	"github.com/entrasync/entrasync/pkg/secrets"
	"github.com/entrasync/entrasync/pkg/service"
	"github.com/entrasync/entrasync/pkg/vault"
)

// config is all that the process takes from its environment.
type config struct {
	service.Config
	service.Database
	InternalListen     string `env:"ENTRASYNC_INTERNAL_LISTEN" envDefault:"127.0.0.1:7107"` // what other services ask
	Keys               secrets.Settings
	Vault              vault.Settings // for a master key that Vault encrypted
	ConnectionAddr     string         `env:"ENTRASYNC_CONNECTION_ADDR" envDefault:"127.0.0.1:7101"`
	DiscoveryAddr      string         `env:"ENTRASYNC_DISCOVERY_ADDR" envDefault:"127.0.0.1:7102"`
	MappingAddr        string         `env:"ENTRASYNC_MAPPING_ADDR" envDefault:"127.0.0.1:7103"`
	SyncEngineAddr     string         `env:"ENTRASYNC_SYNC_ENGINE_ADDR" envDefault:"127.0.0.1:7104"`
	ReconciliationAddr string         `env:"ENTRASYNC_RECONCILIATION_ADDR" envDefault:"127.0.0.1:7105"`
	WorkerAddr         string         `env:"ENTRASYNC_WORKER_ADDR" envDefault:"127.0.0.1:7106"`
	AuthIssuers        []string       `env:"ENTRASYNC_AUTH_ISSUER,required,notEmpty"`
	// Each a tenant, a colon and the issuer that alone speaks for it.
	AuthTenantIssuers  map[string]string `env:"ENTRASYNC_AUTH_TENANT_ISSUER"`
	AuthAudience       string            `env:"ENTRASYNC_AUTH_AUDIENCE,required,notEmpty"`
	TenantClaim        string            `env:"ENTRASYNC_AUTH_TENANT_CLAIM" envDefault:"tenant_id"`
	UserTypeClaim      string            `env:"ENTRASYNC_AUTH_USER_TYPE_CLAIM" envDefault:"user_type"`
	PermissionsClaim   string            `env:"ENTRASYNC_AUTH_PERMISSIONS_CLAIM" envDefault:"permissions"`
	SignInIssuer       string            `env:"ENTRASYNC_SIGN_IN_ISSUER"`    // for browsers; the first of the issuers when empty
	SignInClientID     string            `env:"ENTRASYNC_SIGN_IN_CLIENT_ID"` // the console at that issuer; empty: no sign-in with a browser
	SignInClientSecret secrets.Text      `env:"ENTRASYNC_SIGN_IN_CLIENT_SECRET,unset"`
	SignInScopes       []string          `env:"ENTRASYNC_SIGN_IN_SCOPES" envDefault:"profile,email"` // beside openid
	SessionLifetime    time.Duration     `env:"ENTRASYNC_SESSION_LIFETIME" envDefault:"12h"`
	SessionIdle        time.Duration     `env:"ENTRASYNC_SESSION_IDLE" envDefault:"1h"`
	EmbedOrigins       []string          `env:"ENTRASYNC_EMBED_ORIGINS"` // pages that may show the console in a frame
	WorkflowsURL       string            `env:"ENTRASYNC_WORKFLOWS_URL"` // where operators look at workflows; empty: the console shows no link
	Edition            string            `env:"ENTRASYNC_EDITION" envDefault:"enterprise"`
	PlatformKeyHash    string            `env:"ENTRASYNC_PLATFORM_KEY_HASH"`
	PublicURL          string            `env:"ENTRASYNC_PUBLIC_URL" envDefault:"http://localhost:8080"`
	TenantRate         float64           `env:"ENTRASYNC_RATE_TENANT" envDefault:"200"`        // requests a second
	TenantBurst        int               `env:"ENTRASYNC_RATE_TENANT_BURST" envDefault:"1000"` // requests at once
	UserRate           float64           `env:"ENTRASYNC_RATE_USER" envDefault:"100"`
	UserBurst          int               `env:"ENTRASYNC_RATE_USER_BURST" envDefault:"500"`
	AddressRate        float64           `env:"ENTRASYNC_RATE_ADDRESS" envDefault:"5"` // refused unknown callers a second
	AddressBurst       int               `env:"ENTRASYNC_RATE_ADDRESS_BURST" envDefault:"100"`
	TenantReads        int               `env:"ENTRASYNC_TENANT_READS" envDefault:"8"`      // calls of one tenant that read, executed at once
	TenantChanges      int               `env:"ENTRASYNC_TENANT_CHANGES" envDefault:"3"`    // that change something
	RefusalDelay       time.Duration     `env:"ENTRASYNC_REFUSAL_DELAY" envDefault:"500ms"` // of answers to callers over a limit
	TrustedProxies     []string          `env:"ENTRASYNC_TRUSTED_PROXIES"`                  // networks whose X-Forwarded-For counts
	WebhookHosts       []string          `env:"ENTRASYNC_WEBHOOK_ALLOWED_HOSTS"`            // host:port inside that webhooks may reach all the same
	AuditMonths        int               `env:"ENTRASYNC_AUDIT_MONTHS" envDefault:"13"`     // kept beside the present one; 0: all
	CIPP               bool              `env:"ENTRASYNC_CIPP_ENABLED"`                     // not offered: for tests
}
