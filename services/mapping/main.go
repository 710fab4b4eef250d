// The mapping service keeps the clients of an MSP and which managed tenant belongs
// to which of them.
package main

import (
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
	run.Operate(name, outbox.Operator(name))
	service.Main(name, defaults, assembly.Start)
}
