// The reconciliation service keeps the queue of what a person must decide.
package main

import (
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
	run.Operate(name, outbox.Operator(name))
	service.Main(name, defaults, assembly.Start)
}
