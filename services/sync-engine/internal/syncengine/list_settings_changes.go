package syncengine

import "context"

// SettingsHistory reads what was changed in settings.
type SettingsHistory interface {
	// SettingsChanges lists changes, newest first, after the one with the given id;
	// empty for the first page. An empty managed tenant is no filter.
	SettingsChanges(ctx context.Context, managedTenantID, after string, limit int) ([]SettingsChange, error)
}

// ListSettingsChanges shows what was changed in settings, by whom and when.
type ListSettingsChanges struct{ store SettingsHistory }

// NewListSettingsChanges wires the use case.
func NewListSettingsChanges(store SettingsHistory) *ListSettingsChanges {
	return &ListSettingsChanges{store: store}
}

// Do returns a page of changes and the id after which the next one begins,
// empty after the last.
func (l *ListSettingsChanges) Do(ctx context.Context, managedTenantID, after string, size int) (changes []SettingsChange, next string, err error) {
	changes, err = l.store.SettingsChanges(ctx, managedTenantID, after, size+1)
	if err != nil {
		return nil, "", err
	}
	if len(changes) > size {
		changes = changes[:size]
		next = changes[size-1].ID
	}
	return changes, next, nil
}
