package syncengine

import (
	"context"
	"time"
)

// Flags says which features are on for the context's tenant.
type Flags interface {
	// FieldSync reports whether field rules are applied.
	FieldSync(ctx context.Context) (bool, error)
}

// gatedFieldRules is a store whose rounds apply field rules only while their flag is on.
type gatedFieldRules struct {
	RoundStore
	flags Flags
}

// GateFieldRules has rounds apply stored field rules only while their flag is on.
// The flags are not asked for where no rule is stored, so that a sync of a tenant without
// rules does not depend on the service that keeps them.
func GateFieldRules(store RoundStore, flags Flags) RoundStore {
	return gatedFieldRules{RoundStore: store, flags: flags}
}

// RoundSettings implements RoundStore.
func (g gatedFieldRules) RoundSettings(ctx context.Context, managedTenantID string, now time.Time) (Settings, error) {
	settings, err := g.RoundStore.RoundSettings(ctx, managedTenantID, now)
	rules := []*bool{&settings.FieldDisplayName, &settings.FieldEmail, &settings.FieldPhone, &settings.FieldRole, &settings.FieldUPN}
	stored := false
	for _, rule := range rules {
		stored = stored || *rule
	}
	if err != nil || !stored {
		return settings, err
	}
	on, err := g.flags.FieldSync(ctx)
	if err != nil || on {
		return settings, err
	}
	for _, rule := range rules {
		*rule = false
	}
	return settings, nil
}
