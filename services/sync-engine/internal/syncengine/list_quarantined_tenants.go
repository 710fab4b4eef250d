package syncengine

import (
	"context"
	"time"
)

// QuarantinedTenant is a managed tenant that scheduled runs try once a day.
type QuarantinedTenant struct {
	ManagedTenantID string
	Since           time.Time
	FailedRuns      int
	Code            string // of the last failure
}

// quarantinedShown bounds the list of managed tenants in quarantine.
const quarantinedShown = 100

// QuarantineReader reads which managed tenants are in quarantine.
type QuarantineReader interface {
	// QuarantinedTenants lists at most limit managed tenants in quarantine.
	QuarantinedTenants(ctx context.Context, limit int) ([]QuarantinedTenant, error)
}

// ListQuarantinedTenants shows which managed tenants scheduled runs try once a day only.
type ListQuarantinedTenants struct{ store QuarantineReader }

// NewListQuarantinedTenants wires the use case.
func NewListQuarantinedTenants(store QuarantineReader) *ListQuarantinedTenants {
	return &ListQuarantinedTenants{store: store}
}

// Do lists managed tenants in quarantine, 100 at most.
func (l *ListQuarantinedTenants) Do(ctx context.Context) ([]QuarantinedTenant, error) {
	return l.store.QuarantinedTenants(ctx, quarantinedShown)
}
