// The sync engine serves contacts, sync runs and the rounds that bring Entra
// directories and contacts together.
package main

import (
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
	run.Operate(name, outbox.Operator(postgres.Context))
	service.Main(name, defaults, assembly.Start)
}
