package syncengine

import (
	"context"
	"time"
)

// InactiveByHost is why a contact is inactive that sync did not make so.
const InactiveByHost = "host"

// Provenance says where a contact came from, with which identity it is kept in step
// and why it is inactive.
type Provenance struct {
	MadeBy               string // host, sync or person
	CreatedAt, UpdatedAt time.Time
	Link                 *ContactLink // nil without one
	InactiveReason       string       // disabled_upstream, deleted_upstream or host; empty for active contacts
	History              []LinkEvent  // newest first
}

// ContactLink is the tie between a contact and an identity.
type ContactLink struct {
	ManagedTenantID              string // empty before the directory's first round has ended
	EntraTenantID, EntraObjectID string
	Status                       string // active, inactive or orphaned
	LinkedAt                     time.Time
	RunID                        string     // that made it; empty where a person did
	LastSeenAt, LastSyncedAt     time.Time  // the later of its own and, for what it saw unchanged, its directory's last round
	GoneAt                       *time.Time // since when complete listings lack the identity
}

// LinkEvent is a link that went to another contact, or ended.
type LinkEvent struct {
	Event                        string
	At, LinkedAt                 time.Time
	EntraTenantID, EntraObjectID string
	OldContactID, OldClientID    string
	NewContactID, NewClientID    string // empty where the link ended
	DecidedBy, RunID             string
}

// ProvenanceStore reads where contacts came from.
type ProvenanceStore interface {
	Contact(ctx context.Context, id string) (Contact, error)       // ErrUnknownContact
	Provenance(ctx context.Context, id string) (Provenance, error) // ErrUnknownContact
}

// ShowContact shows one contact and where it came from.
type ShowContact struct{ store ProvenanceStore }

// NewShowContact wires the use case.
func NewShowContact(store ProvenanceStore) *ShowContact { return &ShowContact{store: store} }

// Do returns the contact, a deleted one too. ErrUnknownContact.
func (s *ShowContact) Do(ctx context.Context, id string) (Contact, Provenance, error) {
	contact, err := s.store.Contact(ctx, id)
	if err != nil {
		return Contact{}, Provenance{}, err
	}
	provenance, err := s.store.Provenance(ctx, id)
	return contact, provenance, err
}
