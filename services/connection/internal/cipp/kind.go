package cipp

import (
	"context"

	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/tenant"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// Settings are what connections through CIPP are configured with.
type Settings struct {
	// AllowedHosts are places, host:port as in the address, where a CIPP may be though
	// no public address is behind them.
	AllowedHosts []string `env:"ENTRASYNC_CIPP_ALLOWED_HOSTS"`
}

// Kind is the kind of connections through a partner's CIPP.
type Kind struct{ access *access }

// New makes the kind.
func New(s Settings, f connection.Foundation) (*Kind, error) {
	client, err := NewClient(Options{AllowedHosts: s.AllowedHosts, Now: f.Now})
	if err != nil {
		return nil, err
	}
	return &Kind{access: newAccess(client, f)}, nil
}

// Register adds the service by which people use it. Whether anybody reaches that is
// the gateway's to decide.
func (k *Kind) Register(server grpc.ServiceRegistrar, h connection.Handling) {
	connectionv1.RegisterCippServiceServer(server, newServer(newSave(k.access, h.Activation, h.Effects), h.Validate))
}

// Type implements connection.Kind.
func (*Kind) Type() connection.Type { return Type }

// Open implements connection.Kind.
func (k *Kind) Open(ctx context.Context) (connection.Access, error) { return k.access.open(ctx) }

// Forget implements connection.Kind.
func (k *Kind) Forget(id tenant.ID) { k.access.forget(id) }
