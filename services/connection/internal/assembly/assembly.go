package assembly

import (
	"time"

	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/outbox"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/secrets"
	"github.com/entrasync/entrasync/pkg/settle"
	"github.com/entrasync/entrasync/proto/entrasync/effectkind"
	"github.com/entrasync/entrasync/services/connection/internal/appsecrets"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/graph"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/signin"
	"github.com/entrasync/entrasync/services/connection/internal/postgres"
	"github.com/entrasync/entrasync/services/connection/internal/rpc"
)

// Parts are the service without its listeners.
type Parts struct {
	UseCases rpc.UseCases
	Handling connection.Handling
	Sweep    *connection.Sweep
	Reseal   *connection.Reseal
	Tokens   *connection.Tokens
	Effects  *outbox.Box
	Store    SecretStore

	kinds []kind // beside the direct one
}

// Register adds the service's methods to a server.
func (p Parts) Register(server grpc.ServiceRegistrar) {
	rpc.Register(server, p.UseCases)
	for _, k := range p.kinds {
		k.Register(server, p.Handling)
	}
	outbox.Serve(server, p.Effects, effectkind.ConnectionConnected, effectkind.ConnectionDisconnected)
}

// adapters are what the use cases work with.
type adapters struct {
	connections *postgres.Connections
	pointers    *postgres.Pointers
	flows       *postgres.Flows
	locks       *postgres.Locks
	secrets     SecretStore
	signIn      *signin.Client
	graph       *graph.Client
	resolver    *connection.Resolver
	returns     connection.Returns
	now         func() time.Time
}

// adapt opens what is outside the domain.
func adapt(s Settings, pool *pg.Pool, box *secrets.Box, now func() time.Time) (a adapters, err error) {
	if a.returns, err = s.returns(); err != nil {
		return adapters{}, err
	}
	if a.signIn, err = s.SignIn(now); err != nil {
		return adapters{}, err
	}
	if a.graph, err = s.Graph(now); err != nil {
		return adapters{}, err
	}
	environment, err := appsecrets.NewEnvironment(appsecrets.Given{
		ClientID: s.ClientID, ClientSecret: connection.Secret(s.ClientSecret), CertificateFile: s.CertificateFile,
		FederatedTokenFile: s.FederatedFile, TenantID: s.TenantID, CustomerAccess: s.CustomerAccess,
	}, now)
	if err != nil {
		return adapters{}, err
	}
	a.now = now
	a.connections, a.pointers = postgres.NewConnections(pool, now), postgres.NewPointers(pool, now)
	a.flows, a.locks = postgres.NewFlows(pool, box), postgres.NewLocks(pool)
	if a.secrets, err = s.secretStore(postgres.NewSecrets(pool, box, now), a.pointers, a.locks, now); err != nil {
		return adapters{}, err
	}
	a.resolver = connection.NewResolver(
		connection.NamedSource{Name: connection.SourceTenant, Source: connection.NewTenantCredentials(a.pointers, a.secrets)},
		connection.NamedSource{Name: connection.SourceEnvironment, Source: environment},
		connection.NamedSource{Name: connection.SourceApp, Source: appsecrets.NewFiles(s.AppSecretsDir, now)},
	)
	return a, nil
}

// New wires domain and adapters.
func New(s Settings, pool *pg.Pool, box *secrets.Box, now func() time.Time) (Parts, error) {
	a, err := adapt(s, pool, box, now)
	if err != nil {
		return Parts{}, err
	}
	more, err := s.open(connection.Foundation{Store: a.connections, Secrets: a.secrets, Identity: a.signIn, Now: now})
	if err != nil {
		return Parts{}, err
	}
	tokens := connection.NewTokens(a.resolver, a.connections, a.secrets, a.locks, a.signIn, a.graph, now)
	all := []connection.Kind{connection.NewDirectKind(tokens, a.graph, a.graph)}
	for _, k := range more {
		all = append(all, k)
	}
	kinds := connection.NewKinds(a.connections, all...)
	effects := outbox.New(pool, outbox.Options{Now: now, Tries: postgres.Tries})
	p := Parts{
		kinds: more, Tokens: tokens, Effects: effects, Store: a.secrets,
		Handling: connection.Handling{
			Activation: connection.NewActivation(a.connections, a.secrets, a.locks, kinds, now, pg.NewID),
			Effects:    settle.NewWaiter(effects),
			Validate:   connection.NewValidate(a.connections, kinds, now),
		},
		Sweep:  connection.NewSweep(postgres.NewSweeper(pool.Background()), now),
		Reseal: connection.NewReseal(postgres.NewResealer(pool.Background(), box)),
	}
	p.UseCases = a.useCases(p, kinds)
	return p, nil
}

// useCases are all that the contracts offer, save those of other kinds of connections.
func (a adapters) useCases(p Parts, kinds *connection.Kinds) rpc.UseCases {
	h, events := p.Handling, postgres.NewStatusEvents(p.Effects)
	consent := connection.NewConsent(a.connections, p.Tokens, a.signIn, a.graph)
	return rpc.UseCases{
		Connect: connection.NewConnect(a.resolver, a.flows, a.signIn, a.returns, a.secrets.Watch, a.now, pg.NewID),
		FinishFlow: connection.NewFinishFlow(
			a.resolver, a.flows, a.signIn, a.graph, h.Activation, consent, a.returns, a.now, pg.NewID,
		),
		FindFlow:             connection.NewFindFlow(a.flows),
		Complete:             connection.NewComplete(a.flows, h.Activation, h.Effects, a.now),
		Show:                 connection.NewShow(a.connections, a.resolver, a.secrets.Watch),
		Validate:             h.Validate,
		Disconnect:           connection.NewDisconnect(a.connections, a.secrets, a.locks, kinds, h.Effects, a.now, pg.NewID),
		SetCredentials:       connection.NewSetCredentials(a.resolver, a.pointers, a.secrets, a.locks, a.connections, a.now),
		DeleteCredentials:    connection.NewDeleteCredentials(a.resolver, a.pointers, a.secrets, a.locks, a.connections),
		RepairConsent:        connection.NewRepairConsent(consent, a.resolver, a.flows, a.returns, a.now, pg.NewID),
		ListManagedTenants:   connection.NewListManagedTenants(kinds),
		ReadDetails:          connection.NewReadDetails(kinds),
		ListUsers:            connection.NewListUsers(kinds),
		CountUsers:           connection.NewCountUsers(kinds),
		ListGroupMembers:     connection.NewListGroupMembers(kinds),
		FindUsers:            connection.NewFindUsers(kinds),
		ListConnectedTenants: connection.NewListConnectedTenants(a.connections),
		PullEvents:           connection.NewPullEvents(events),
		AckEvents:            connection.NewAckEvents(events),
	}
}
