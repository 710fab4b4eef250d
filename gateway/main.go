// The gateway is the edge: it verifies who calls, decides by the contracts'
// policies, and forwards to the services.
package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/entrasync/entrasync/gateway/internal/console"
	"github.com/entrasync/entrasync/gateway/internal/flags"
	"github.com/entrasync/entrasync/gateway/internal/gateway"
	gwhttp "github.com/entrasync/entrasync/gateway/internal/http"
	"github.com/entrasync/entrasync/gateway/internal/postgres"
	"github.com/entrasync/entrasync/pkg/service"
	gatewayv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/gateway/v1"
)

const name = "gateway"

// defaults are the configuration without any variable.
var defaults = config{
	Config:   service.Config{Listen: "127.0.0.1:8080", AdminListen: "127.0.0.1:8081"},
	Database: service.Database{DatabaseConns: 12},
}

func main() { service.Main(name, defaults, start) }

// start wires the process together.
func start(ctx context.Context, s *service.Service, c config) error {
	pool, err := c.database(ctx, s)
	if err != nil {
		return err
	}
	parts, err := c.parts(ctx)
	if err != nil {
		return err
	}
	parts.Pool, parts.Metrics, parts.Ready, parts.Backends = pool, s.Metrics, s.Ready, c.backends(s)
	handler, err := gateway.New(ctx, parts)
	if err != nil {
		return err
	}
	for _, work := range handler.Background() {
		s.Background(work)
	}
	gatewayv1.RegisterFlagInternalServiceServer(s.ServerOn(c.InternalListen), console.NewTenantFlags(flags.New(postgres.NewFlags(pool), time.Now)))
	public, err := gwhttp.Listen(ctx, c.Listen, handler)
	if err != nil {
		return err
	}
	slog.InfoContext(ctx, "serving", "address", c.Listen)
	s.Serve(public)
	return nil
}
