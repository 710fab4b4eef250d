// The reconciliation service keeps the queue of what a person must decide.
package main

import (
	"context"
	"os"

	"github.com/entrasync/entrasync/pkg/outbox"
	"github.com/entrasync/entrasync/pkg/run"
	"github.com/entrasync/entrasync/pkg/service"
	"github.com/entrasync/entrasync/services/reconciliation/internal/assembly"
)

const name = "reconciliation"

// defaults are the configuration without any variable.
var defaults = assembly.Config{
	Config:   service.Config{Listen: "127.0.0.1:7105", AdminListen: "127.0.0.1:7205"},
	Database: service.Database{DatabaseConns: 4},
}

func main() {
	if len(os.Args) > 1 {
		run.Main(name, func(ctx context.Context) error { return outbox.Operate(ctx, name, os.Args[1:], os.Stdout) })
	}
	service.Main(name, defaults, assembly.Start)
}
