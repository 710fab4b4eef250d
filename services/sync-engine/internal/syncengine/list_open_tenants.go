package syncengine

import "context"

// ClientTenants are the directories of one client, in order.
type ClientTenants struct {
	Group            int
	ClientID         string
	ManagedTenantIDs []string
	Quick            bool // each is small, and only what changed will be asked for
}

// QuickIdentities is up to how many identities a directory counts as small.
const QuickIdentities = 500

// OpenTenantReader reads what a run still has to do.
type OpenTenantReader interface {
	Run(ctx context.Context, id string) (Run, error) // ErrUnknownRun
	// OpenTenants lists, of at most limit groups after the given one, the tenants
	// that have no result yet.
	OpenTenants(ctx context.Context, runID string, afterGroup, limit int) ([]ClientTenants, error)
}

// ListOpenTenants pages through the managed tenants of a run that have no result.
type ListOpenTenants struct{ store OpenTenantReader }

// NewListOpenTenants wires the use case.
func NewListOpenTenants(store OpenTenantReader) *ListOpenTenants {
	return &ListOpenTenants{store: store}
}

// Do lists at most limit clients after a group, each with its managed tenants.
func (l *ListOpenTenants) Do(ctx context.Context, runID string, afterGroup, limit int) ([]ClientTenants, error) {
	if _, err := l.store.Run(ctx, runID); err != nil {
		return nil, err
	}
	return l.store.OpenTenants(ctx, runID, afterGroup, limit)
}
