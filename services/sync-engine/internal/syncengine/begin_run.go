package syncengine

import (
	"context"
	"time"
)

// BeginMapping is what beginning a run asks of mapping.
type BeginMapping interface {
	// CreateDecidedClients creates the clients of create_new decisions, once.
	CreateDecidedClients(ctx context.Context, runID string) error
	EachMappedTenant(ctx context.Context, clientID string, f func(MappedTenant) error) error
	// EachTenantToCreate calls f with those whose clients CreateDecidedClients would
	// create; they have none yet.
	EachTenantToCreate(ctx context.Context, f func(MappedTenant) error) error
}

// BeginStore keeps runs and the tenants that they cover.
type BeginStore interface {
	Run(ctx context.Context, id string) (Run, error) // ErrUnknownRun
	// StartRun marks an open run as running and adds the tenants that it lacks;
	// it returns the run's state and how many tenants it covers.
	// What is left out has failed from the start; nil leaves nothing out.
	StartRun(ctx context.Context, id string, tenants []ManagedTenant, out *LeaveOut, now time.Time) (state State, total int, err error)
}

// BeginRun marks a run as running and records what it covers.
type BeginRun struct {
	store   BeginStore
	mapping BeginMapping
	now     func() time.Time
}

// NewBeginRun wires the use case.
func NewBeginRun(store BeginStore, mapping BeginMapping, now func() time.Time) *BeginRun {
	return &BeginRun{store: store, mapping: mapping, now: now}
}

// Do begins the run; repeated, it changes nothing more. A run that was closed
// before it began keeps its state.
func (b *BeginRun) Do(ctx context.Context, runID string) (state State, total int, err error) {
	run, err := b.store.Run(ctx, runID)
	if err != nil {
		return "", 0, err
	}
	if IsTerminal(run.State) || run.State == StateRunning && run.Totals.Tenants > 0 {
		return run.State, run.Totals.Tenants, nil
	}
	var tenants []ManagedTenant
	if run.Type != TypeDiscovery {
		if run.createsClients() && !run.DryRun {
			if err := b.mapping.CreateDecidedClients(ctx, run.ID); err != nil {
				return "", 0, err
			}
		}
		if tenants, err = b.tenants(ctx, run); err != nil {
			return "", 0, err
		}
	}
	now := b.now()
	return b.store.StartRun(ctx, runID, tenants, leaveOut(run, now), now)
}

// createsClients says whether the clients of create_new decisions are made: by what a person starts for all
// tenants, and never by a schedule or by a sync of one client.
func (r *Run) createsClients() bool {
	return r.Trigger == TriggerManual && r.ClientID == "" && r.Approves == nil
}

// tenants lists the directories in order of confirmation, numbered by client:
// those of one client run one after the other. A dry run covers those whose clients
// the run that follows creates: they are confirmed by that, so that they come last.
func (b *BeginRun) tenants(ctx context.Context, run Run) ([]ManagedTenant, error) {
	var tenants []ManagedTenant
	groups := map[string]int{}
	add := func(m MappedTenant) error { //nolint:unparam // as EachMappedTenant calls it
		if run.Approves != nil && m.ManagedTenantID != run.Approves.ManagedTenantID {
			return nil
		}
		group, known := groups[m.ClientID]
		if !known {
			group = len(groups) + 1
			groups[m.ClientID] = group
		}
		tenants = append(tenants, ManagedTenant{
			RunID: run.ID, ManagedTenantID: m.ManagedTenantID, EntraTenantID: m.EntraTenantID, ClientID: m.ClientID,
			MappingRevision: m.Revision, Group: group, Position: len(tenants) + 1, State: StateQueued,
		})
		return nil
	}
	err := b.mapping.EachMappedTenant(ctx, run.ClientID, add)
	if err == nil && run.createsClients() && run.DryRun {
		err = b.mapping.EachTenantToCreate(ctx, func(m MappedTenant) error {
			m.ClientID = m.ManagedTenantID
			return add(m)
		})
	}
	return tenants, err
}
