// Package assembly puts the connection service together: what it takes from its
// environment, what it works with, its methods and the work that goes on beside them.
package assembly

import (
	"context"
	"time"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/queue"
	"github.com/entrasync/entrasync/pkg/secrets"
	"github.com/entrasync/entrasync/pkg/service"
	vaultclient "github.com/entrasync/entrasync/pkg/vault"
)

// Name is the service's name in certificates, logs and the database.
const Name = "connection"

const (
	// lockConns are for the locks of all tenants, which have one connection together.
	lockConns = 1
	minConns  = 10
	// backgroundConns are for effects, events and the sweepers.
	backgroundConns = 2
)

// Config is all that the process takes from its environment.
type Config struct {
	service.Config
	service.Database // at least minConns connections
	Keys             secrets.Settings
	Settings         Settings
}

// Start wires the process together.
func Start(ctx context.Context, s *service.Service, c Config) error {
	box, err := secrets.Open(ctx, c.Keys, secrets.KMSClients{vaultclient.TransitScheme: vaultclient.Transit(c.Settings.Vault)})
	if err != nil {
		return err
	}
	pool, err := pg.Open(ctx, c.DatabaseURL, c.PoolOptions())
	if err != nil {
		return err
	}
	s.Uses("database", pool.Ping, pool.Close)
	if c.Settings.Kinds, err = configured(Kinds()); err != nil {
		return err
	}
	parts, err := New(c.Settings, pool, box, time.Now)
	if err != nil {
		return err
	}
	s.AtEnd(parts.Tokens.Close)
	s.Metrics.MustRegister(parts.Store.metrics...)
	for _, check := range parts.Readiness() {
		s.Check(check)
	}
	parts.upkeep(s)
	parts.Register(s.Server())
	return nil
}

// PoolOptions say how connections are shared out: of what the locks leave over, half to
// writers.
func (c Config) PoolOptions() pg.Options {
	conns := max(c.DatabaseConns, minConns)
	return pg.Options{
		Context: Name, MaxConns: conns, BackgroundConns: backgroundConns,
		Writers: queue.Options{Total: int(conns-lockConns) / 2},
	}
}
