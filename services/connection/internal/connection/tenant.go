package connection

import (
	"context"
	"errors"

	"github.com/entrasync/entrasync/pkg/tenant"
)

// inTenant returns a context for the work of a tenant that was found in the store.
func inTenant(ctx context.Context, name string) (context.Context, error) {
	id, err := tenant.Parse(name)
	if err != nil {
		return nil, err
	}
	call, _ := tenant.Lookup(ctx)
	call.Tenant = id
	return tenant.With(ctx, call), nil
}

// each does something for every tenant, which is in the context that do gets. One
// that fails holds up no other; when ctx ends no other is begun.
func each(ctx context.Context, tenants []string, do func(ctx context.Context) error) error {
	var failed []error
	for _, name := range tenants {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		of, err := inTenant(ctx, name)
		if err == nil {
			err = do(of)
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}
