package assembly

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/entrasync/entrasync/pkg/run"
	"github.com/entrasync/entrasync/pkg/service"
	vaultclient "github.com/entrasync/entrasync/pkg/vault"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/postgres"
	"github.com/entrasync/entrasync/services/connection/internal/vault"
)

// The places where tenants' secrets may be kept.
const (
	InPostgres = "postgres"
	InVault    = "vault"
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

// SecretStore is where the tenants' secrets are kept.
type SecretStore struct {
	connection.SecretStore

	// These are of a store outside the database, and nil for the database.
	Watch connection.SecretStoreWatch
	Sweep *connection.SweepSecrets
	// metrics are those of the watch.
	metrics []prometheus.Collector
}

// secretStore opens the store that is configured.
func (s Settings) secretStore(own *postgres.Secrets, pointers *postgres.Pointers, locks *postgres.Locks, now func() time.Time) (SecretStore, error) {
	switch s.Secrets {
	case "", InPostgres:
		return SecretStore{SecretStore: own}, nil
	case InVault:
		opened, err := vaultclient.Open(s.Vault, now)
		if err != nil {
			return SecretStore{}, err
		}
		store, err := vault.New(opened, s.KV, pointers, now)
		if err != nil {
			return SecretStore{}, err
		}
		return SecretStore{
			SecretStore: store, Watch: store, metrics: store.Collectors(),
			Sweep: connection.NewSweepSecrets(store, pointers, locks, now),
		}, nil
	}
	return SecretStore{}, fmt.Errorf("ENTRASYNC_SECRETS is %q: choose %s or %s", s.Secrets, InPostgres, InVault)
}

// Readiness are the checks of the process. A store that fails leaves it ready: users
// are read with the tokens in memory, and people see what is wrong, which they would
// not if no replica were.
func (p Parts) Readiness() (checks []run.Check) {
	if watch := p.Store.Watch; watch != nil {
		checks = append(checks, run.Check{Name: "secret_store", Degrades: true, Test: func(context.Context) error {
			if problem := watch.Problem(); problem != nil {
				return errors.New(problem.Code)
			}
			return nil
		}})
	}
	return checks
}

// upkeep adds the work that goes on beside the calls.
func (p Parts) upkeep(s *service.Service) {
	s.Every("sweeper", sweepEvery, p.Sweep.Do)
	p.Effects.Keep(s, s.Metrics)
	s.Every("resealer", resealEvery, p.Reseal.Do)
	if p.Store.Sweep != nil {
		s.Every("secret sweeper", vaultSweepEvery, p.Store.Sweep.Do)
	}
	if watch := p.Store.Watch; watch != nil {
		s.Every("secret store check", vaultCheckEvery, func(ctx context.Context) error {
			_ = watch.Check(ctx) // it logs what it finds
			return nil
		})
	}
}
