package syncengine

import (
	"context"
	"time"
)

// SettingsReader reads settings and what was changed in them.
type SettingsReader interface {
	// SettingsState reads the tenant's settings, which it makes with the defaults
	// where they are missing, or what a managed tenant has of its own.
	SettingsState(ctx context.Context, managedTenantID string, now time.Time) (SettingsState, error)
	// SettingsChanges lists changes, newest first, after the one with the given id;
	// empty for the first page. An empty managed tenant is no filter.
	SettingsChanges(ctx context.Context, managedTenantID, after string, limit int) ([]SettingsChange, error)
}

// ReadSettings shows settings.
type ReadSettings struct {
	store   SettingsReader
	mapping RoundMapping
	now     func() time.Time
}

// NewReadSettings wires the use case.
func NewReadSettings(store SettingsReader, mapping RoundMapping, now func() time.Time) *ReadSettings {
	return &ReadSettings{store: store, mapping: mapping, now: now}
}

// Do returns the tenant's settings, or what a managed tenant has of its own;
// errs.NotFound, reason not_mapped, for one that is not mapped.
func (r *ReadSettings) Do(ctx context.Context, managedTenantID string) (SettingsState, error) {
	if err := mustBeMapped(ctx, r.mapping, managedTenantID); err != nil {
		return SettingsState{}, err
	}
	return r.store.SettingsState(ctx, managedTenantID, r.now())
}

// Changes returns a page of changes and the id after which the next one begins,
// empty after the last.
func (r *ReadSettings) Changes(ctx context.Context, managedTenantID, after string, size int) (changes []SettingsChange, next string, err error) {
	changes, err = r.store.SettingsChanges(ctx, managedTenantID, after, size+1)
	if err != nil {
		return nil, "", err
	}
	if len(changes) > size {
		changes = changes[:size]
		next = changes[size-1].ID
	}
	return changes, next, nil
}
