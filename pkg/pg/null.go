package pg

import "github.com/google/uuid"

// Text is the text of a column that may be null: empty for null.
func Text(column *string) string {
	if column == nil {
		return ""
	}
	return *column
}

// TextOrNil is a text as a column that may be null: null for the empty one.
func TextOrNil(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// ID is the id in a column that may be null, as text: empty for null.
func ID(column *uuid.UUID) string {
	if column == nil {
		return ""
	}
	return column.String()
}

// NewKey is a new key: a UUID of version 7, so that later ones sort behind earlier ones. It panics
// where the system has no random numbers left.
func NewKey() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// NewID is a NewKey as text.
func NewID() string { return NewKey().String() }

// KnownIDs returns the ids that are UUIDs, as ours all are; others are unknown.
func KnownIDs(ids []string) []uuid.UUID {
	parsed := make([]uuid.UUID, 0, len(ids))
	for _, id := range ids {
		if u, err := uuid.Parse(id); err == nil {
			parsed = append(parsed, u)
		}
	}
	return parsed
}
