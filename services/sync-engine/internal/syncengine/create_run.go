package syncengine

import (
	"context"
	"errors"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// MappedTenant is a managed tenant that belongs to a client.
type MappedTenant struct {
	ManagedTenantID, EntraTenantID, ClientID string
	Revision                                 int64
}

// MappingCounts are the decisions that lead to syncing.
type MappingCounts struct{ Mapped, CreateNew int }

// RunMapping is what creating a run asks of mapping.
type RunMapping interface {
	Counts(ctx context.Context) (MappingCounts, error)
	// MappedTenant is the active mapping of one managed tenant; false without one.
	MappedTenant(ctx context.Context, managedTenantID string) (MappedTenant, bool, error)
	// EachMappedTenant calls f with every mapped tenant, of one client or of all, in
	// order of confirmation.
	EachMappedTenant(ctx context.Context, clientID string, f func(MappedTenant) error) error
	ClientExists(ctx context.Context, clientID string) (bool, error)
}

// RunStore keeps runs.
type RunStore interface {
	// OpenRun inserts the run, or returns the open one of the same type, scope
	// and kind with joined true; a run that has its id already comes back as it is,
	// joined too.
	OpenRun(ctx context.Context, run Run) (open Run, joined bool, err error)
	Run(ctx context.Context, id string) (Run, error) // ErrUnknownRun
}

// NewRun asks for a run.
type NewRun struct {
	ID              string // UUID by which a repeat finds its run; empty for a new one
	Actor           string // who asks; empty for the schedule
	Type            RunType
	ClientID        string // single-client
	ManagedTenantID string // single-client: stands in for ClientID
	DryRun          bool
	Trigger         string
}

// CreateRun makes runs, or joins the one in flight.
type CreateRun struct {
	store   RunStore
	mapping RunMapping
	newID   func() string
	now     func() time.Time
}

// NewCreateRun wires the use case.
func NewCreateRun(store RunStore, mapping RunMapping, newID func() string, now func() time.Time) *CreateRun {
	return &CreateRun{store: store, mapping: mapping, newID: newID, now: now}
}

// Do makes a queued run of the tenant of the context or returns the open one; what has
// the asked id comes back as it is, whatever became of it and of the mapping. Reasons:
// no_confirmed_mapping, client_not_mapped, not_mapped, unknown_client, client_required.
func (c *CreateRun) Do(ctx context.Context, req NewRun) (Run, bool, error) {
	owner, err := tenant.IDFrom(ctx)
	if err != nil {
		return Run{}, false, err
	}
	if req.ID != "" {
		run, err := c.store.Run(ctx, req.ID)
		if !errors.Is(err, ErrUnknownRun) {
			return run, err == nil, err
		}
	}
	clientID, err := c.scope(ctx, req)
	if err != nil {
		return Run{}, false, err
	}
	id := req.ID
	if id == "" {
		id = c.newID()
	}
	by := req.Actor
	if req.Trigger == TriggerSchedule || by == "" {
		by = req.Trigger
	}
	return c.store.OpenRun(ctx, Run{
		ID: id, WorkflowID: WorkflowID(owner, req.Type, clientID, req.DryRun), Type: req.Type, State: StateQueued,
		DryRun: req.DryRun, Trigger: req.Trigger, InitiatedBy: by, ClientID: clientID, CreatedAt: c.now(),
	})
}

// scope checks that there is something to sync and gives the client of a
// single-client run.
func (c *CreateRun) scope(ctx context.Context, req NewRun) (clientID string, err error) {
	switch req.Type {
	case TypeInitial:
		counts, err := c.mapping.Counts(ctx)
		if err != nil {
			return "", err
		}
		if counts.Mapped+counts.CreateNew == 0 {
			return "", errs.Of(reason.NoConfirmedMapping)
		}
	case TypeSingleClient:
		return c.client(ctx, req)
	}
	return "", nil
}

func (c *CreateRun) client(ctx context.Context, req NewRun) (string, error) {
	if req.ManagedTenantID != "" {
		mapped, ok, err := c.mapping.MappedTenant(ctx, req.ManagedTenantID)
		if err != nil {
			return "", err
		}
		switch {
		case !ok:
			return "", errNotMapped
		case req.ClientID != "" && mapped.ClientID != req.ClientID:
			return "", errs.Of(reason.RequestInvalid, errs.WithViolation("clientId", "is not the client that the managed tenant is mapped to"))
		}
		return mapped.ClientID, nil
	}
	if req.ClientID == "" {
		return "", errs.Of(reason.ClientRequired, errs.WithViolation("clientId", "is required"))
	}
	exists, err := c.mapping.ClientExists(ctx, req.ClientID)
	if err != nil {
		return "", err
	}
	if !exists {
		return "", errs.Of(reason.UnknownClient)
	}
	found := false
	err = c.mapping.EachMappedTenant(ctx, req.ClientID, func(MappedTenant) error { found = true; return nil })
	if err != nil {
		return "", err
	}
	if !found {
		return "", errs.Of(reason.ClientNotMapped)
	}
	return req.ClientID, nil
}
