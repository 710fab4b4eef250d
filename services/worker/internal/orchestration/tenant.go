package orchestration

import (
	"context"

	"github.com/entrasync/entrasync/pkg/tenant"
)

// bySystem returns the context of the system's own work for a tenant.
func bySystem(ctx context.Context, tenantID string) (context.Context, error) {
	id, err := tenant.Parse(tenantID)
	if err != nil {
		return nil, err
	}
	return tenant.With(ctx, tenant.Call{Tenant: id, Actor: tenant.Actor{Type: "system"}}), nil
}
