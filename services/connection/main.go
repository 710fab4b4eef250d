// The connection service holds the connection to Microsoft: app credentials,
// consent and tokens. It is the only part that calls Microsoft or holds a
// tenant's secret; others read directories through it.
package main

import (
	"github.com/entrasync/entrasync/pkg/run"
	"github.com/entrasync/entrasync/pkg/service"
	"github.com/entrasync/entrasync/services/connection/internal/assembly"
	"github.com/entrasync/entrasync/services/connection/internal/operator"
)

// defaults are the configuration without any variable.
var defaults = assembly.Config{
	Config:   service.Config{Listen: "127.0.0.1:7101", AdminListen: "127.0.0.1:7201"},
	Database: service.Database{DatabaseConns: 12},
}

func main() {
	run.Operate(assembly.Name, operator.Operate)
	service.Main(assembly.Name, defaults, assembly.Start)
}
