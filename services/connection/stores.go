package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/entrasync/entrasync/pkg/run"
	"github.com/entrasync/entrasync/pkg/secrets"
	"github.com/entrasync/entrasync/pkg/service"
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
	sweepEvery  = time.Minute
	resealEvery = time.Minute
	// vaultSweepEvery is longer than sweepEvery: it asks the store about every
	// tenant.
	vaultSweepEvery = 10 * time.Minute
	// vaultCheckEvery is how soon a store that fails, or works again, is known for.
	vaultCheckEvery = 30 * time.Second
)

// secretStore is where the tenants' secrets are kept.
type secretStore struct {
	connection.SecretStore

	// These are of a store outside the database, and nil for the database.
	watch connection.SecretStoreWatch
	sweep *connection.SweepSecrets
	// metrics are those of the watch.
	metrics []prometheus.Collector
}

// secretStore opens the store that is configured.
func (s settings) secretStore(own *postgres.Secrets, pointers *postgres.Pointers, locks *postgres.Locks, now func() time.Time) (secretStore, error) {
	switch s.Secrets {
	case "", inPostgres:
		return secretStore{SecretStore: own}, nil
	case inVault:
		opened, err := session.Open(s.Vault, now)
		if err != nil {
			return secretStore{}, err
		}
		store, err := vault.New(opened, s.KV, pointers, now)
		if err != nil {
			return secretStore{}, err
		}
		return secretStore{
			SecretStore: store, watch: store, metrics: store.Collectors(),
			sweep: connection.NewSweepSecrets(store, pointers, locks, now),
		}, nil
	}
	return secretStore{}, fmt.Errorf("ENTRASYNC_SECRETS is %q: choose %s or %s", s.Secrets, inPostgres, inVault)
}

// readiness are the checks of the process. A store that fails leaves it ready: users
// are read with the tokens in memory, and people see what is wrong, which they would
// not if no replica were.
func (p parts) readiness() (checks []run.Check) {
	if watch := p.store.watch; watch != nil {
		checks = append(checks, run.Check{Name: "secret_store", Degrades: true, Test: func(context.Context) error {
			if problem := watch.Problem(); problem != nil {
				return errors.New(problem.Code)
			}
			return nil
		}})
	}
	return checks
}

// kms are the key management services that a master key may be encrypted by.
func kms(s session.Settings) secrets.KMSClients {
	return secrets.KMSClients{session.TransitScheme: session.Transit(s)}
}

// upkeep adds the work that goes on beside the calls.
func (p parts) upkeep(s *service.Service) {
	s.Every("sweeper", sweepEvery, p.sweep.Do)
	p.effects.Keep(s, s.Metrics)
	s.Every("resealer", resealEvery, p.reseal.Do)
	if p.store.sweep != nil {
		s.Every("secret sweeper", vaultSweepEvery, p.store.sweep.Do)
	}
	if watch := p.store.watch; watch != nil {
		s.Every("secret store check", vaultCheckEvery, func(ctx context.Context) error {
			_ = watch.Check(ctx) // it logs what it finds
			return nil
		})
	}
}
