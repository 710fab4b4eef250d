package main

import (
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/outbox"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/secrets"
	"github.com/entrasync/entrasync/services/connection/internal/appsecrets"
	"github.com/entrasync/entrasync/services/connection/internal/cipp"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/postgres"
	"github.com/entrasync/entrasync/services/connection/internal/rpc"
)

// parts are the service without its listeners.
type parts struct {
	useCases rpc.UseCases
	sweep    *connection.Sweep
	reseal   *connection.Reseal
	effects  *outbox.Box
	store    secretStore

	close func() // ends what goes on without a caller
}

// register adds the service's methods to a server.
func (p parts) register(server grpc.ServiceRegistrar) {
	rpc.Register(server, p.useCases)
	outbox.Serve(server, p.effects, connection.EffectConnected, connection.EffectDisconnected)
}

// assemble wires domain and adapters.
func assemble(s settings, pool *pg.Pool, box *secrets.Box, now func() time.Time) (parts, error) {
	returns, err := s.returns()
	if err != nil {
		return parts{}, err
	}
	client, err := s.microsoft(now)
	if err != nil {
		return parts{}, err
	}
	environment, err := appsecrets.NewEnvironment(appsecrets.Given{
		ClientID: s.ClientID, ClientSecret: connection.Secret(s.ClientSecret), CertificateFile: s.CertificateFile,
		FederatedTokenFile: s.FederatedFile, TenantID: s.TenantID, CustomerAccess: s.CustomerAccess,
	}, now)
	if err != nil {
		return parts{}, err
	}
	connections, pointers := postgres.NewConnections(pool, now), postgres.NewPointers(pool, now)
	flows, locks := postgres.NewFlows(pool, box), postgres.NewLocks(pool, maxGrantLocks)
	effects := outbox.New(pool, outbox.Options{Now: now, Tries: postgres.Tries})
	events := postgres.NewStatusEvents(effects)
	store, err := s.secretStore(postgres.NewSecrets(pool, box, now), pointers, locks, now)
	if err != nil {
		return parts{}, err
	}
	resolver := connection.NewResolver(
		connection.NamedSource{Name: connection.SourceTenant, Source: connection.TenantCredentials{Pointers: pointers, Secrets: store}},
		connection.NamedSource{Name: connection.SourceEnvironment, Source: environment},
		connection.NamedSource{Name: connection.SourceApp, Source: appsecrets.NewFiles(s.AppSecretsDir, now)},
	)
	tokens := connection.NewTokens(resolver, connections, store, locks, client, client, now)
	consent := &connection.Consent{Epochs: connections, Tokens: tokens, Provider: client}
	activation := &connection.Activation{Store: connections, Secrets: store, Lock: locks, Now: now, NewID: newID}
	settling := &connection.Settling{Effects: effects}
	directories, err := cipp.New(cipp.Options{AllowedHosts: s.CIPPAllowedHosts, Now: now})
	if err != nil {
		return parts{}, err
	}
	access := &connection.CIPPAccess{Store: connections, Secrets: store, Directories: directories, Identity: client, Now: now}
	providers := &connection.Providers{Store: connections, Tokens: tokens, Direct: client, Groups: client, CIPP: access}
	return parts{
		effects: effects,
		sweep:   &connection.Sweep{Sweeper: postgres.NewSweeper(pool.Background()), Now: now},
		reseal:  &connection.Reseal{Resealer: postgres.NewResealer(pool.Background(), box)}, store: store,
		close: tokens.Close,
		useCases: rpc.UseCases{
			Connect: &connection.Connect{
				Credentials: resolver, States: flows, Identity: client, Returns: returns, SecretStore: store.watch, Now: now, NewID: newID,
			},
			Callback: &connection.Callback{
				Credentials: resolver, States: flows, Pendings: flows, Identity: client, Provider: client,
				Activation: activation, Consent: consent, Returns: returns, Now: now, NewID: newID,
			},
			SetCredentials: &connection.SetCredentials{
				Resolver: resolver, Pointers: pointers, Secrets: store, Lock: locks, Store: connections, Now: now,
			},
			DeleteCredentials: &connection.DeleteCredentials{Resolver: resolver, Pointers: pointers, Secrets: store, Lock: locks, Store: connections},
			RepairConsent: &connection.RepairConsent{
				Consent: consent, Credentials: resolver, States: flows, Returns: returns, Now: now, NewID: newID,
			},
			Complete: &connection.Complete{Pendings: flows, Activation: activation, Settling: settling, Now: now},
			Disconnect: &connection.Disconnect{
				Store: connections, Secrets: store, Lock: locks, Tokens: tokens, CIPP: access, Settling: settling, Now: now, NewID: newID,
			},
			Validate:   &connection.Validate{Store: connections, Providers: providers, Now: now},
			SaveCIPP:   &connection.SaveCIPP{Access: access, Activation: activation, Settling: settling, Tokens: tokens},
			Show:       &connection.Show{Store: connections, Credentials: resolver, SecretStore: store.watch},
			Read:       &connection.Read{Providers: providers},
			PullEvents: &connection.PullEvents{Log: events},
			AckEvents:  &connection.AckEvents{Log: events},

			ConnectedTenants: &connection.ConnectedTenants{Store: connections},
		},
	}, nil
}

// newID is a UUIDv7. It panics when the system has no random numbers left.
func newID() string { return uuid.Must(uuid.NewV7()).String() }
