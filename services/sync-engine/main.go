// The sync engine serves contacts, sync runs and the rounds that bring Entra
// directories and contacts together.
package main

import (
	"context"
	"os"

	"github.com/entrasync/entrasync/pkg/outbox"
	"github.com/entrasync/entrasync/pkg/run"
	"github.com/entrasync/entrasync/pkg/service"
	"github.com/entrasync/entrasync/services/sync-engine/internal/assembly"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres"
)

const name = "sync-engine"

// defaults are the configuration without any variable.
var defaults = assembly.Config{
	Config:   service.Config{Listen: "127.0.0.1:7104", AdminListen: "127.0.0.1:7204"},
	Database: service.Database{DatabaseConns: 18},
}

func main() {
	if len(os.Args) > 1 {
		run.Main(name, func(ctx context.Context) error { return outbox.Operate(ctx, postgres.Context, os.Args[1:], os.Stdout) })
	}
	service.Main(name, defaults, assembly.Start)
}
