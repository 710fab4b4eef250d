// The discovery service finds the managed tenants of an MSP and keeps what is
// known of them.
package main

import (
	"github.com/entrasync/entrasync/pkg/service"
	"github.com/entrasync/entrasync/services/discovery/internal/assembly"
)

// defaults are the configuration without any variable.
var defaults = assembly.Config{
	Config:   service.Config{Listen: "127.0.0.1:7102", AdminListen: "127.0.0.1:7202"},
	Database: service.Database{DatabaseConns: 4},
}

func main() { service.Main("discovery", defaults, assembly.Start) }
