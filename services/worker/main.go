// The worker executes the background work: workflows, activities, effects of committed
// changes, and the API that starts and describes runs.
package main

import (
	"github.com/entrasync/entrasync/pkg/run"
	"github.com/entrasync/entrasync/pkg/service"
	"github.com/entrasync/entrasync/services/worker/internal/assembly"
)

const name = "worker"

// defaults are the configuration without any variable.
var defaults = assembly.Config{Config: service.Config{Listen: "127.0.0.1:7106", AdminListen: "127.0.0.1:7206"}}

func main() {
	run.Operate(name, assembly.Operate)
	service.Main(name, defaults, assembly.Start)
}
