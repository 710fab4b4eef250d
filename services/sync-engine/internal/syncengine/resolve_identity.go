package syncengine

import (
	"context"
	"errors"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// AmbiguousIdentity is an identity about which a person decided, as the round that
// queued it read it.
type AmbiguousIdentity struct {
	ObjectID          string
	UserPrincipalName string
	FullName          string
	Email             string
	Phone             string
	Role              string
	Enabled           *bool // nil when it is not known
}

// Resolution is what a person decided about one identity.
type Resolution struct {
	ItemID    string          // of the queue, a UUID; with Attempt the key of idempotency
	Attempt   int             // which of the item's decisions, from 1
	Mapping   MappingRevision // of the identity's directory; the client is the item's
	Identity  AmbiguousIdentity
	ContactID string // the contact that gets the link; empty to make one
	DecidedBy string // the person, by id
}

// ResolvedContact is the contact that a resolution links or makes.
type ResolvedContact struct {
	ID         string // of a contact that is made, a UUIDv7; else the resolution's
	NameKey    string
	EmailNorm  string
	SignInName string // empty where the directory's settings do not show it
}

// Why a resolution is refused.
var (
	ErrContactOfOtherClient = errs.Of(reason.ContactOfOtherClient)
	ErrContactDeleted       = errs.Of(reason.DeletedContact)
	ErrContactLinked        = errs.Of(reason.ContactLinked)
	ErrIdentityLinked       = errs.Of(reason.IdentityLinked)
)

// ResolutionStore links identities as people decide.
type ResolutionStore interface {
	// CheckResolutions refuses each as Resolve would at this moment: ErrUnknownContact,
	// ErrContactOfOtherClient, ErrContactDeleted, ErrContactLinked, ErrIdentityLinked; nil
	// where it would link. It writes nothing.
	CheckResolutions(ctx context.Context, rs []Resolution) ([]error, error)
	// Resolve writes the contact, the link, the record of the resolution and the feed in
	// one transaction, which raises the client's revision: rounds decide again. Done
	// before, it returns the contact of then; ErrDecisionDiffers when the key stands for
	// another resolution. ErrMappingChanged when a later mapping was announced.
	Resolve(ctx context.Context, r Resolution, contact ResolvedContact, now time.Time) (contactID string, err error)
}

// ResolutionSettings are those that rounds of the identity's directory go by.
type ResolutionSettings interface {
	RoundSettings(ctx context.Context, managedTenantID string, now time.Time) (Settings, error)
}

// ResolveIdentity links an identity to a contact as a person decided.
type ResolveIdentity struct {
	store    ResolutionStore
	settings ResolutionSettings
	mapping  RoundMapping
	newID    func() string
	now      func() time.Time
}

// NewResolveIdentity wires the use case; newID gives a UUID of version 7.
func NewResolveIdentity(
	store ResolutionStore, settings ResolutionSettings, mapping RoundMapping, newID func() string, now func() time.Time,
) *ResolveIdentity {
	return &ResolveIdentity{store: store, settings: settings, mapping: mapping, newID: newID, now: now}
}

// Check refuses what Do would refuse now, and writes nothing.
func (u *ResolveIdentity) Check(ctx context.Context, r Resolution) error {
	refused, err := u.CheckAll(ctx, []Resolution{r})
	if err != nil {
		return err
	}
	return refused[0]
}

// CheckAll refuses each of them, in order, as Check does; nil where Do would link it.
func (u *ResolveIdentity) CheckAll(ctx context.Context, rs []Resolution) (refused []error, err error) {
	refused = make([]error, len(rs))
	var standing []Resolution
	var at []int
	directories := map[MappingRevision]error{} // most are of one directory
	for i := range rs {
		of := rs[i].Mapping
		moved, asked := directories[of]
		if !asked {
			mapped := of
			if moved = checkClient(ctx, u.mapping, &mapped); moved != nil && !errors.Is(moved, ErrMappingChanged) {
				return nil, moved
			}
			directories[of] = moved
		}
		if refused[i] = moved; moved == nil {
			standing, at = append(standing, rs[i]), append(at, i)
		}
	}
	if len(standing) == 0 {
		return refused, nil
	}
	checked, err := u.store.CheckResolutions(ctx, standing)
	for i, why := range checked {
		refused[at[i]] = why
	}
	return refused, err
}

// Do links the identity and returns the contact that has it. A contact that it makes has
// what a round would give it by the directory's settings. A check that fails writes nothing.
func (u *ResolveIdentity) Do(ctx context.Context, r Resolution) (contactID string, err error) {
	if err := checkClient(ctx, u.mapping, &r.Mapping); err != nil {
		return "", err
	}
	contact := ResolvedContact{ID: r.ContactID}
	if r.ContactID == "" {
		contact.ID = u.newID()
		contact.NameKey = NameKey(r.Identity.FullName)
		contact.EmailNorm, _ = NormaliseAddress(r.Identity.Email)
		settings, err := u.settings.RoundSettings(ctx, r.Mapping.ManagedTenantID, u.now())
		if err != nil {
			return "", err
		}
		if settings.FieldUPN {
			contact.SignInName = r.Identity.UserPrincipalName
		}
	}
	return u.store.Resolve(ctx, r, contact, u.now())
}

// checkClient checks that the directory is mapped to the item's client and fills in by
// which revision. ErrMappingChanged when it is not.
func checkClient(ctx context.Context, mapping RoundMapping, of *MappingRevision) error {
	mapped, ok, err := mapping.MappedTenant(ctx, of.ManagedTenantID)
	if err != nil {
		return err
	}
	if !ok || mapped.ClientID != of.ClientID || mapped.EntraTenantID != of.EntraTenantID {
		return ErrMappingChanged
	}
	of.Revision = mapped.Revision
	return nil
}
