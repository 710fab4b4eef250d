package syncengine

import (
	"context"
	"errors"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
)

// What became of a record of a batch.
const (
	OutcomeCreated   = "created"
	OutcomeUpdated   = "updated"
	OutcomeUnchanged = "unchanged"
	OutcomeAdopted   = "adopted"
	OutcomeDeleted   = "deleted"
	OutcomeConflict  = "conflict"
	OutcomeInvalid   = "invalid"
)

// ContactRecord is a contact as the host sends it. A nil field is left as it is.
type ContactRecord struct {
	ID, ExternalID, ClientID, ClientExternalID *string
	FullName                                   string // empty leaves it as it is
	Email, Phone, Role                         *string
	Inactive, Deleted                          *bool
	Version                                    *int64 // that the contact must have
}

// ContactResult is what became of one record.
type ContactResult struct {
	ID, ExternalID, Outcome string
	Violations              []errs.Violation
	Warnings                []RecordWarning
	Version                 int64 // of the contact afterwards; 0 where there is none
}

// RecordWarning is what is to be known of a field of a record that was taken.
type RecordWarning struct{ Field, Message string }

// StoredContact is what a batch compares with and writes.
type StoredContact struct {
	ID, ClientID, ExternalID             string
	FullName, NameKey                    string
	Email, EmailNorm, Phone, Role        string
	Inactive, Deleted, InactivatedBySync bool
	MadeBy                               string
	Version                              int64
	Linked                               bool // an Entra identity is shown; where it no longer is, the link ends
}

// Change is one entry of the change feed.
type Change struct {
	Type, ContactID, ClientID string
	Version                   int64 // that the contact came to
	Fields                    []string
}

// BatchQuery asks for what a batch may touch.
type BatchQuery struct {
	IDs, ExternalIDs []string
	// Of these, contacts that are deleted.
	DeletedIDs, DeletedExternalIDs []string
	// Sync-made contacts without external id of these clients and addresses.
	ClientIDs, Emails []string
}

// BatchWrite is what a batch writes.
type BatchWrite struct {
	Insert, Update []StoredContact
	Changes        []Change
	Now            time.Time
}

// BatchTx is the batch's transaction.
type BatchTx interface {
	// Find locks and returns what the query names.
	Find(ctx context.Context, q BatchQuery) ([]StoredContact, error)
	// Write writes and numbers the changes, last.
	Write(ctx context.Context, w BatchWrite) error
}

// BatchStore runs batches.
type BatchStore interface {
	// Batch runs fn in one transaction that holds the heads of the clients named,
	// of those that the named contacts belong to, and of those whose identities'
	// contacts are deleted, raising their revision. fn
	// may be called again. Where fn returns ErrNothingToWrite nothing is written, and
	// no revision is raised.
	Batch(ctx context.Context, q BatchQuery, fn func(ctx context.Context, tx BatchTx) error) error
}

// ErrNothingToWrite ends a batch without a trace: rounds need not decide again.
var ErrNothingToWrite = errors.New("nothing is to be written")

// Clients resolves clients.
type Clients interface {
	// Resolve returns which of the ids exist, and the ids of the external ids.
	Resolve(ctx context.Context, ids, externalIDs []string) (known map[string]bool, byExternal map[string]string, err error)
}

// BatchUpsert takes the host's own contacts in.
type BatchUpsert struct {
	store   BatchStore
	clients Clients
	newID   func() string
	now     func() time.Time
}

// NewBatchUpsert wires the use case.
func NewBatchUpsert(store BatchStore, clients Clients, newID func() string, now func() time.Time) *BatchUpsert {
	return &BatchUpsert{store: store, clients: clients, newID: newID, now: now}
}

// Do upserts the records; each has its own result, in order, and a bad one does
// not stop the others.
func (b *BatchUpsert) Do(ctx context.Context, records []ContactRecord) ([]ContactResult, error) {
	items := make([]*item, len(records))
	for i := range records {
		items[i] = read(&records[i])
	}
	refuseRepeats(items)
	if err := b.resolve(ctx, items); err != nil {
		return nil, err
	}
	q := queryOf(items)
	if len(q.IDs)+len(q.ExternalIDs) == 0 {
		return results(items, nil), nil
	}
	var decided []decided
	err := b.store.Batch(ctx, q, func(ctx context.Context, tx BatchTx) error {
		existing, err := tx.Find(ctx, q)
		if err != nil {
			return err
		}
		var write BatchWrite
		decided, write = b.decide(items, existing)
		if len(write.Insert)+len(write.Update) == 0 {
			return ErrNothingToWrite
		}
		write.Now = b.now()
		return tx.Write(ctx, write)
	})
	if err != nil && !errors.Is(err, ErrNothingToWrite) {
		return nil, err
	}
	return results(items, decided), nil
}

// resolve puts the client's id in place of its external id and refuses unknown
// clients.
func (b *BatchUpsert) resolve(ctx context.Context, items []*item) error {
	var ids, externals []string
	seen := map[string]bool{}
	for _, it := range items {
		if it.clientID != "" && !seen["i"+it.clientID] {
			seen["i"+it.clientID] = true
			ids = append(ids, it.clientID)
		}
		if it.clientExternal != "" && !seen["e"+it.clientExternal] {
			seen["e"+it.clientExternal] = true
			externals = append(externals, it.clientExternal)
		}
	}
	if len(ids)+len(externals) == 0 {
		return nil
	}
	known, byExternal, err := b.clients.Resolve(ctx, ids, externals)
	if err != nil {
		return err
	}
	for _, it := range items {
		resolved, found := byExternal[it.clientExternal]
		switch {
		case it.clientExternal != "" && !found:
			it.refuse("clientExternalId", "is not the external id of a client")
		case it.clientID != "" && !known[it.clientID]:
			it.refuse("clientId", "is not a client")
		case found && it.clientID != "" && it.clientID != resolved:
			it.refuse("clientExternalId", "names another client than clientId")
		case found:
			it.clientID = resolved
		}
	}
	return nil
}

func queryOf(items []*item) BatchQuery {
	var q BatchQuery
	clients, emails := map[string]bool{}, map[string]bool{}
	for _, it := range items {
		if len(it.violations) > 0 {
			continue
		}
		if it.id != "" {
			q.IDs = append(q.IDs, it.id)
		}
		if it.external != "" {
			q.ExternalIDs = append(q.ExternalIDs, it.external)
		}
		switch {
		case !it.tombstone():
		case it.id != "":
			q.DeletedIDs = append(q.DeletedIDs, it.id)
		default:
			q.DeletedExternalIDs = append(q.DeletedExternalIDs, it.external)
		}
		if it.clientID != "" && !clients[it.clientID] {
			clients[it.clientID] = true
			q.ClientIDs = append(q.ClientIDs, it.clientID)
		}
		if it.id == "" && it.emailNorm != "" && it.clientID != "" && !emails[it.emailNorm] {
			emails[it.emailNorm] = true
			q.Emails = append(q.Emails, it.emailNorm)
		}
	}
	return q
}

func results(items []*item, decided []decided) []ContactResult {
	out := make([]ContactResult, len(items))
	for i, it := range items {
		out[i] = ContactResult{ID: it.id, ExternalID: it.external, Outcome: OutcomeInvalid, Violations: it.violations}
		if decided == nil || len(it.violations) > 0 {
			continue
		}
		d := decided[i]
		if out[i].Violations = d.violations; d.outcome != "" {
			out[i].ID, out[i].ExternalID, out[i].Outcome, out[i].Version = d.id, d.externalID, d.outcome, d.version
		}
		if len(d.violations) == 0 {
			out[i].Warnings = d.warnings
		}
	}
	return out
}
