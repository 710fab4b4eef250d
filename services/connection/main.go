// The connection service holds the connection to Microsoft: app credentials,
// consent and tokens. It is the only part that calls Microsoft or holds a
// tenant's secret; others read directories through it.
package main

import (
	"context"
	"os"
	"time"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/queue"
	"github.com/entrasync/entrasync/pkg/run"
	"github.com/entrasync/entrasync/pkg/secrets"
	"github.com/entrasync/entrasync/pkg/service"
)

const (
	name = "connection"
	// maxGrantLocks is how many locks for changes of secrets are held at once. Each has a
	// connection while its holder needs another, and those for refreshes have one together.
	maxGrantLocks = 4
	minConns      = 2*maxGrantLocks + 2
	// backgroundConns are for effects, events and the sweepers.
	backgroundConns = 2
)

// config is all that the process takes from its environment.
type config struct {
	service.Config
	service.Database // at least minConns connections
	Keys             secrets.Settings
	Settings         settings
}

// defaults are the configuration without any variable.
var defaults = config{
	Config:   service.Config{Listen: "127.0.0.1:7101", AdminListen: "127.0.0.1:7201"},
	Database: service.Database{DatabaseConns: 12},
}

func main() {
	if len(os.Args) > 1 {
		run.Main(name, func(ctx context.Context) error { return operate(ctx, os.Args[1:], os.Stdout, time.Now) })
	}
	service.Main(name, defaults, start)
}

// start wires the process together.
func start(ctx context.Context, s *service.Service, c config) error {
	box, err := secrets.Open(ctx, c.Keys, kms(c.Settings.Vault))
	if err != nil {
		return err
	}
	pool, err := pg.Open(ctx, c.DatabaseURL, c.pool())
	if err != nil {
		return err
	}
	s.Uses("database", pool.Ping, pool.Close)
	if c.Settings.kinds, err = configured(kindsBeside()); err != nil {
		return err
	}
	parts, err := assemble(c.Settings, pool, box, time.Now)
	if err != nil {
		return err
	}
	s.AtEnd(parts.tokens.Close)
	s.Metrics.MustRegister(parts.store.metrics...)
	for _, check := range parts.readiness() {
		s.Check(check)
	}
	parts.upkeep(s)
	parts.register(s.Server())
	return nil
}

// pool says how connections are shared out. Locks have their own bound, so the
// writers' is what the locks leave over.
func (c config) pool() pg.Options {
	conns := max(c.DatabaseConns, minConns)
	return pg.Options{
		Context: name, MaxConns: conns, BackgroundConns: backgroundConns,
		Writers: queue.Options{Total: int(conns-2*maxGrantLocks) / 2},
	}
}
