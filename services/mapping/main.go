// The mapping service keeps the clients of an MSP and which managed tenant belongs
// to which of them.
package main

import (
	"context"
	"os"

	"github.com/entrasync/entrasync/pkg/outbox"
	"github.com/entrasync/entrasync/pkg/run"
	"github.com/entrasync/entrasync/pkg/service"
	"github.com/entrasync/entrasync/services/mapping/internal/assembly"
)

const name = "mapping"

// defaults are the configuration without any variable.
var defaults = assembly.Config{
	Config:   service.Config{Listen: "127.0.0.1:7103", AdminListen: "127.0.0.1:7203"},
	Database: service.Database{DatabaseConns: 6},
}

func main() {
	if len(os.Args) > 1 {
		run.Main(name, func(ctx context.Context) error { return outbox.Operate(ctx, name, os.Args[1:], os.Stdout) })
	}
	service.Main(name, defaults, assembly.Start)
}
