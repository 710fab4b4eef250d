package syncengine

import "context"

// RunResultReader reads one run with the results of its managed tenants.
type RunResultReader interface {
	Run(ctx context.Context, id string) (Run, error) // ErrUnknownRun
	// RunTenants reads at most so many results, what needs a person first.
	RunTenants(ctx context.Context, runID string, most int) ([]ManagedTenant, error)
}

// ShowRun shows one run.
type ShowRun struct{ store RunResultReader }

// NewShowRun wires the use case.
func NewShowRun(store RunResultReader) *ShowRun { return &ShowRun{store: store} }

// shownTenants is how many results a run is shown with; ListTenantResults has all.
const shownTenants = 200

// Do returns a run with the first 200 of its tenants' results, what needs a person
// first.
func (s *ShowRun) Do(ctx context.Context, id string) (Run, []ManagedTenant, error) {
	run, err := s.store.Run(ctx, id)
	if err != nil {
		return Run{}, nil, err
	}
	tenants, err := s.store.RunTenants(ctx, id, shownTenants)
	showEnded(run, tenants)
	return run, tenants, err
}
