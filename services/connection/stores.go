package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/entrasync/entrasync/pkg/run"
	"github.com/entrasync/entrasync/pkg/secrets"
	session "github.com/entrasync/entrasync/pkg/vault"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/postgres"
	"github.com/entrasync/entrasync/services/connection/internal/vault"
)

// The places where tenants' secrets may be kept.
const (
	inPostgres = "postgres"
	inVault    = "vault"
)

const (
	resealEvery = time.Minute
	// vaultSweepEvery is longer than sweepEvery: it asks the store about every
	// tenant.
	vaultSweepEvery = 10 * time.Minute
)

// secretStore gives the store of the tenants' secrets, and what sweeps it where
// the database cannot.
func (s settings) secretStore(own *postgres.Secrets, pointers *postgres.Pointers, locks *postgres.Locks, now func() time.Time) (
	connection.SecretStore, *connection.SweepSecrets, error,
) {
	switch s.Secrets {
	case "", inPostgres:
		return own, nil, nil
	case inVault:
		opened, err := session.Open(s.Vault, now)
		if err != nil {
			return nil, nil, err
		}
		store, err := vault.New(opened, s.KV, pointers)
		if err != nil {
			return nil, nil, err
		}
		return store, &connection.SweepSecrets{Keeper: store, Pointers: pointers, Lock: locks, Now: now}, nil
	}
	return nil, nil, fmt.Errorf("ENTRASYNC_SECRETS is %q: choose %s or %s", s.Secrets, inPostgres, inVault)
}

// kms are the key management services that a master key may be encrypted by.
func kms(s session.Settings) secrets.KMSClients {
	return secrets.KMSClients{session.TransitScheme: session.Transit(s)}
}

// upkeep is the work that goes on beside the calls.
func (p parts) upkeep() []run.Server {
	servers := []run.Server{
		repeat("sweeper", sweepEvery, p.sweep.Do),
		repeat("resealer", resealEvery, p.reseal.Do),
	}
	if p.sweepSecrets != nil {
		servers = append(servers, repeat("secret sweeper", vaultSweepEvery, p.sweepSecrets.Do))
	}
	return servers
}

// repeat does something now and then until ctx ends. What fails is tried again
// at the next turn.
func repeat(name string, every time.Duration, do func(context.Context) error) run.Server {
	return run.Server{Name: name, Serve: func(ctx context.Context) error {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			if err := do(ctx); err != nil && ctx.Err() == nil {
				slog.WarnContext(ctx, "upkeep failed", "what", name, "error", err)
			}
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
		}
	}}
}
