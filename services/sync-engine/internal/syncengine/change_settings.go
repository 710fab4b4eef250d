package syncengine

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/settle"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// NewSettings is what somebody wants of the settings.
type NewSettings struct {
	ManagedTenantID string // empty for the tenant's
	Change          Stated
	Null            []string // paths, fields or groups of them, whose own values are taken back
	Version         *int64   // that was read; nil for whatever it is
	By              string   // the person, by id
}

// ChangedSettings is a change as the store writes it.
type ChangedSettings struct {
	Change   SettingsChange
	Schedule bool // the schedule is concerned
}

// SettingsWriter changes settings.
type SettingsWriter interface {
	// ChangeSettings gives decide the settings as they stand, locked, and writes the
	// change that it decides on, with the row of its history and its effects, in one
	// transaction; nil changes nothing. It returns the settings as they then stand
	// and the ids of the effects.
	ChangeSettings(
		ctx context.Context, managedTenantID string, now time.Time, decide func(SettingsState) (*ChangedSettings, error),
	) (after SettingsState, effects []string, err error)
}

// ChangeSettings is the use case of changing settings.
type ChangeSettings struct {
	store   SettingsWriter
	mapping RoundMapping
	effects *settle.Waiter
	newID   func() string
	now     func() time.Time
}

// NewChangeSettings wires the use case; newID gives ids that are ordered by time.
func NewChangeSettings(
	store SettingsWriter, mapping RoundMapping, effects settle.Effects, newID func() string, now func() time.Time,
) *ChangeSettings {
	return &ChangeSettings{store: store, mapping: mapping, effects: settle.NewWaiter(effects), newID: newID, now: now}
}

// Do changes what is named and returns the whole, and whether its effects on other
// services are done. What changes nothing leaves no trace. errs.Invalid with every
// violation; errs.Conflict, reason stale_version, when the settings have another
// version; errs.NotFound, reason not_mapped.
func (c *ChangeSettings) Do(ctx context.Context, want NewSettings) (state SettingsState, effects string, err error) {
	change, err := c.checked(want)
	if err != nil {
		return SettingsState{}, "", err
	}
	if err := mustBeMapped(ctx, c.mapping, want.ManagedTenantID); err != nil {
		return SettingsState{}, "", err
	}
	now := c.now()
	decide := func(current SettingsState) (*ChangedSettings, error) { return c.decide(want, change, current, now) }
	state, ids, err := c.store.ChangeSettings(ctx, want.ManagedTenantID, now, decide)
	if err != nil {
		return SettingsState{}, "", err
	}
	return state, c.effects.Wait(ctx, ids...), nil
}

// checked refuses what the settings that are meant do not have.
func (c *ChangeSettings) checked(want NewSettings) (Stated, error) {
	var problems violations
	if want.ManagedTenantID == "" {
		for _, path := range want.Null {
			problems.add(path, "null only takes back what a managed tenant has of its own")
		}
	} else {
		for _, f := range settingFields {
			if !f.own && f.get(&want.Change) != nil {
				problems.add(f.path, "belongs to the tenant; a managed tenant has no value of its own")
			}
		}
		for _, path := range want.Null {
			if !slices.ContainsFunc(settingFields, func(f settingField) bool { return f.own && f.within(path) }) {
				problems.add(path, "is nothing that a managed tenant has of its own")
			}
		}
	}
	if err := problems.err(); err != nil {
		return Stated{}, err
	}
	return checked(want.Change)
}

// decide is nil where nothing would change.
func (c *ChangeSettings) decide(want NewSettings, change Stated, current SettingsState, now time.Time) (*ChangedSettings, error) {
	if want.Version != nil && *want.Version != current.Version {
		return nil, errStale(current)
	}
	after := change.Over(current.Stated)
	for _, path := range want.Null {
		after = after.without(path)
	}
	if err := checkBoth(after); err != nil {
		return nil, err
	}
	fields := changedFields(current.Stated, after)
	if len(fields) == 0 {
		return nil, nil
	}
	return &ChangedSettings{
		Change: SettingsChange{
			ID: c.newID(), ManagedTenantID: want.ManagedTenantID, Version: current.Version + 1, At: now, By: want.By,
			Fields: fields, Before: current.Stated, After: after,
		},
		Schedule: slices.Contains(fields, automaticSyncField) || slices.Contains(fields, intervalMinutesField),
	}, nil
}

// errStale says who changed the settings meanwhile, and their version.
func errStale(current SettingsState) error {
	message := "is " + strconv.FormatInt(current.Version, 10) + " now"
	if current.UpdatedBy != "" && current.UpdatedAt != nil {
		message += ": " + current.UpdatedBy + " changed the settings at " + current.UpdatedAt.UTC().Format(time.RFC3339)
	}
	return errs.New(errs.Conflict, reason.StaleVersion, "Somebody else changed the settings in between. Read them again.", errs.WithViolation("version", message))
}

var errNotMapped = errs.Of(reason.NotMapped)

// mustBeMapped asks that a managed tenant, if one is named, is mapped.
func mustBeMapped(ctx context.Context, mapping RoundMapping, managedTenantID string) error {
	if managedTenantID == "" {
		return nil
	}
	_, mapped, err := mapping.MappedTenant(ctx, managedTenantID)
	if err != nil {
		return err
	}
	if !mapped {
		return errNotMapped
	}
	return nil
}
