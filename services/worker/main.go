// The worker executes the background work: workflows, activities, effects of committed
// changes, and the API that starts and describes runs.
package main

import (
	"context"
	"os"

	"github.com/entrasync/entrasync/pkg/run"
	"github.com/entrasync/entrasync/pkg/service"
	"github.com/entrasync/entrasync/services/worker/internal/assembly"
)

const name = "worker"

// defaults are the configuration without any variable.
var defaults = assembly.Config{Config: service.Config{Listen: "127.0.0.1:7106", AdminListen: "127.0.0.1:7206"}}

func main() {
	if len(os.Args) > 1 {
		run.Main(name, func(ctx context.Context) error { return assembly.Operate(ctx, os.Args[1:], os.Stdout) })
	}
	service.Main(name, defaults, assembly.Start)
}
