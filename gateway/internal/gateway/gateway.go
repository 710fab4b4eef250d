// Package gateway puts the gateway together from its parts.
package gateway

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/gateway/internal/audit"
	"github.com/entrasync/entrasync/gateway/internal/connect"
	"github.com/entrasync/entrasync/gateway/internal/console"
	"github.com/entrasync/entrasync/gateway/internal/core"
	"github.com/entrasync/entrasync/gateway/internal/flags"
	gwhttp "github.com/entrasync/entrasync/gateway/internal/http"
	"github.com/entrasync/entrasync/gateway/internal/identity"
	"github.com/entrasync/entrasync/gateway/internal/openapi"
	"github.com/entrasync/entrasync/gateway/internal/peers"
	"github.com/entrasync/entrasync/gateway/internal/postgres"
	"github.com/entrasync/entrasync/gateway/internal/progress"
	"github.com/entrasync/entrasync/gateway/internal/rest"
	"github.com/entrasync/entrasync/gateway/internal/webhook"
	"github.com/entrasync/entrasync/pkg/outbox/puller"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/run"
	"github.com/entrasync/entrasync/pkg/secrets"
	"github.com/entrasync/entrasync/proto"
	gatewayv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/gateway/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

// Backends are the connections to the services.
type Backends = console.Backends

// packages says which service serves the public methods of each contract.
func packages(b Backends) map[protoreflect.FullName]grpc.ClientConnInterface {
	return map[protoreflect.FullName]grpc.ClientConnInterface{
		"entrasync.connection.v1":     b.Connection,
		"entrasync.discovery.v1":      b.Discovery,
		"entrasync.mapping.v1":        b.Mapping,
		"entrasync.syncengine.v1":     b.SyncEngine,
		"entrasync.reconciliation.v1": b.Reconciliation,
		"entrasync.orchestration.v1":  b.Worker,
	}
}

// Bounds of the requests that are being served. In memory each takes a few times
// its bytes, and each that is executed keeps processors and connections busy.
const (
	tenantBytes = 32 << 20
	allBytes    = 128 << 20
	bytesWait   = 2 * time.Second

	tenantReads, tenantChanges = 8, 3 // executed at once
)

// How long a person stays signed in.
const (
	sessionLifetime = 12 * time.Hour
	sessionIdle     = time.Hour
)

// Parts are what a gateway is made of.
type Parts struct {
	Backends      Backends
	Pool          *pg.Pool
	Box           *secrets.Box
	Tokens        access.Tokens
	PlatformKey   access.PlatformKey
	Enterprise    bool
	PublicURL     string
	Reflection    bool
	CIPP          bool // mounts the connection through CIPP, which is not offered
	TenantRate    access.Rate
	UserRate      access.Rate
	TenantBytes   int64         // of requests being served, of one tenant; 32 MiB when 0
	AllBytes      int64         // of all; 128 MiB when 0
	TenantReads   int           // calls of one tenant that read, executed at once; 8 when 0
	TenantChanges int           // calls of one tenant that change something; 3 when 0
	Refusals      time.Duration // how long answers to callers over a limit are held back
	BytesWait     time.Duration // for others' bytes; 2 s when 0
	AddressRate   access.Rate   // of refused unknown callers, and of wrong states of sign-ins
	Proxies       gwhttp.Proxies
	SignIn        *identity.SignIn       // of people with a browser; nil: not offered
	Session       identity.SessionConfig // how long they stay signed in; 12 h and 1 h of idleness when empty
	Console       fs.FS                  // the built console; nil: none
	Embed         []string               // origins of pages that may show the console in a frame
	WorkflowsURL  string                 // where operators look at workflows; may be empty
	AuditMonths   int                    // whole months that the audit trail keeps beside the present one; 0: all
	KeptBytes     int64                  // of answers to repeated requests, for each tenant; 0: the default
	Webhooks      WebhookParts
	Documents     *openapi.Documents          // the description of the routes; nil: made from the contracts
	Metrics       prometheus.Registerer       // nil: none
	Ready         func(context.Context) error // whether requests can be served; nil: while the database answers
	Now           func() time.Time
}

// Gateway is the handler of the public port, and what works behind it.
type Gateway struct {
	http.Handler

	background []run.Server
}

// Background is what runs beside the handler until the process stops.
func (g *Gateway) Background() []run.Server { return g.background }

// New makes a gateway.
func New(ctx context.Context, p Parts) (*Gateway, error) {
	methods, err := access.PublicMethods()
	if err != nil {
		return nil, err
	}
	described := access.Offered(methods)
	if !p.CIPP {
		methods = described
	}
	trail := postgres.NewAudit(p.Pool)
	log, unknown := audit.New(trail, p.Now), audit.NewUnknownCallers(trail, p.Now)
	switches := flags.New(postgres.NewFlags(p.Pool), p.Now)
	sessions := p.sessions()
	g := p.gate(sessions, switches, unknown)
	hooks, err := p.webhooks()
	if err != nil {
		return nil, err
	}
	c, err := core.New(core.Config{
		Methods: methods, Backends: p.services(methods, switches, log, hooks.endpoints), Gate: g, Audit: log,
		Keys:    core.NewKeys(postgres.NewKeys(p.Pool), box{p.Box}, p.KeptBytes, p.Now),
		Calls:   access.NewCalls(cmp.Or(p.TenantReads, tenantReads), cmp.Or(p.TenantChanges, tenantChanges)),
		Bytes:   access.NewBytes(cmp.Or(p.TenantBytes, tenantBytes), cmp.Or(p.AllBytes, allBytes), cmp.Or(p.BytesWait, bytesWait)),
		Metrics: p.Metrics, Now: p.Now,
	})
	if err != nil {
		return nil, err
	}
	procedures, err := connect.New(c, methods, p.Reflection)
	if err != nil {
		return nil, err
	}
	routes, err := rest.New(ctx, c, methods)
	if err != nil {
		return nil, err
	}
	hub := progress.NewHub(syncenginev1.NewProgressInternalServiceClient(p.Backends.SyncEngine))
	handlers, err := p.handlers(g, described, sessions, log, progress.Handler(g, hub))
	if err != nil {
		return nil, err
	}
	front, err := gwhttp.New(procedures, routes, handlers, p.Proxies, p.PublicURL, p.Now)
	if err != nil {
		return nil, err
	}
	return &Gateway{
		Handler: front,
		background: []run.Server{
			{Name: "progress of runs", Serve: hub.Serve},
			{Name: "audit of connections", Serve: p.Follower().Serve},
			{Name: "audit of late outcomes", Serve: log.Serve},
			{Name: "audit of unknown callers", Serve: unknown.Serve},
			{Name: "webhooks", Serve: hooks.deliverer.Serve},
			{Name: "webhooks of access that ends", Serve: hooks.serveAccess},
			{Name: "months of the audit trail", Serve: audit.NewMonths(trail, p.AuditMonths).Serve},
		},
	}, nil
}

// sessions are those of people who signed in with a browser.
func (p Parts) sessions() *identity.Sessions {
	config := p.Session
	config.Lifetime, config.Idle, config.Now = cmp.Or(config.Lifetime, sessionLifetime), cmp.Or(config.Idle, sessionIdle), p.Now
	return identity.NewSessions(postgres.NewSessions(p.Pool), box{p.Box}, config)
}

// gate decides who may call what.
func (p Parts) gate(sessions *identity.Sessions, switches *flags.Flags, unknown *audit.UnknownCallers) *access.Gate {
	return &access.Gate{
		Enterprise: p.Enterprise, Tokens: p.Tokens, Sessions: sessions, PlatformKey: p.PlatformKey, Flags: switches,
		PerTenant: access.NewLimits(p.TenantRate, p.Now), PerUser: access.NewLimits(p.UserRate, p.Now),
		PerAddress: access.NewLimits(p.AddressRate, p.Now), Unknown: unknown, Lookups: access.NewLookups(p.AddressRate, p.Now),
		Refusals: access.NewDelay(p.Refusals),
	}
}

// statusEvents is how many changes of connections' states one pull takes.
const statusEvents = 50

// Follower writes changes of connections' states into the audit trail, and keeps the notices of
// them that webhooks deliver. Both are written once, so that a change may come again.
func (p Parts) Follower() *puller.Puller {
	follow, notify := audit.NewFollow(postgres.NewAudit(p.Pool)), webhook.NewFollowConnection(postgres.NewWebhooks(p.Pool))
	do := func(ctx context.Context, change puller.Effect) (string, map[string]string, error) {
		if err := notify.Do(ctx, change); err != nil {
			return puller.Retry, nil, err
		}
		return follow.Do(ctx, change)
	}
	return puller.New("status events", peers.NewStatusEvents(p.Backends.Connection), do, puller.Options{Most: statusEvents})
}

func (p Parts) handlers(g *access.Gate, methods []access.Method, sessions *identity.Sessions, log *audit.Log, more ...gwhttp.Handler) ([]gwhttp.Handler, error) {
	if p.Ready == nil {
		p.Ready = p.Pool.Ping
	}
	documents := p.Documents
	if documents == nil {
		made, err := openapi.Build(proto.OpenAPI, methods, p.PublicURL)
		if err != nil {
			return nil, err
		}
		documents = &made
	}
	handlers := gwhttp.Handlers(gwhttp.Parts{
		Gate: g, Connection: p.Backends.Connection, OpenAPI: documents.JSON, Docs: documents.Page, DocsScript: documents.Script, PublicURL: p.PublicURL, Ready: p.Ready,
	})
	handlers = append(handlers, more...)
	handlers = append(handlers, gwhttp.SignInHandlers(gwhttp.SignInParts{
		Gate: g, Sessions: sessions, SignIn: p.SignIn, Box: box{p.Box}, Audit: log, PublicURL: p.PublicURL, EmbedOrigins: p.Embed, WorkflowsURL: p.WorkflowsURL, Now: p.Now,
	})...)
	if p.Console != nil {
		files, err := gwhttp.NewConsole(p.Console, p.Embed)
		if err != nil {
			return nil, err
		}
		handlers = append(handlers, files.Handler())
	}
	var problems []error
	for _, h := range handlers {
		if (h.Rule == nil) == (h.Open == "") {
			problems = append(problems, errors.New(h.Path+": needs a rule, or a reason to be open, and not both"))
		}
		if h.Rule != nil {
			problems = append(problems, access.CheckRule(h.Path, h.Rule))
		}
	}
	return handlers, errors.Join(problems...)
}

// services gives each public service its backend: the gateway's own are served here,
// each other one by the service that its contract belongs to.
func (p Parts) services(methods []access.Method, switches *flags.Flags, log *audit.Log, endpoints *webhook.Endpoints) map[protoreflect.FullName]grpc.ClientConnInterface {
	own := &core.Local{}
	behind := p.Backends
	behind.Webhooks = endpoints
	gatewayv1.RegisterStatusServiceServer(own, console.NewStatus(behind))
	gatewayv1.RegisterFeatureFlagServiceServer(own, console.NewFeatureFlags(switches))
	gatewayv1.RegisterPlatformFlagServiceServer(own, console.NewPlatformFlags(switches))
	gatewayv1.RegisterAuditServiceServer(own, console.NewAudit(log))
	gatewayv1.RegisterWebhookServiceServer(own, console.NewWebhooks(endpoints))
	servers := packages(p.Backends)
	servers["entrasync.gateway.v1"] = own
	services := map[protoreflect.FullName]grpc.ClientConnInterface{}
	for _, m := range methods {
		if backend := servers[m.Service.Parent()]; backend != nil {
			services[m.Service] = backend
		}
	}
	return services
}

// box seals with the key set of the process: stored answers, browser sessions, sign-ins
// under way and the keys that sign webhooks.
type box struct{ box *secrets.Box }

func (b box) Seal(plain []byte, associated string) ([]byte, error) {
	return b.box.Seal(secrets.Text(plain), associated)
}

func (b box) Open(sealed []byte, associated string) ([]byte, error) {
	plain, err := b.box.Open(sealed, associated)
	return []byte(plain.Reveal()), err
}

// Edition reads the name of an edition; an unknown one is refused.
func Edition(name string) (enterprise bool, err error) {
	switch strings.ToLower(name) {
	case "", "enterprise":
		return true, nil
	case "community":
		return false, nil
	}
	return false, errors.New("edition " + name + ": choose enterprise or community")
}
