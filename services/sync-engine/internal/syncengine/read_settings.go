package syncengine

import (
	"context"
	"time"
)

// SettingsReader reads settings.
type SettingsReader interface {
	// SettingsState reads the tenant's settings, which it makes with the defaults
	// where they are missing, or what a managed tenant has of its own.
	SettingsState(ctx context.Context, managedTenantID string, now time.Time) (SettingsState, error)
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
