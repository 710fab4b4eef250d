package postgres

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/round"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// resolution is one in its transaction.
type resolution struct {
	syncengine.Resolution
	q        *sqlc.Queries
	tenantID string
	item     uuid.UUID
	client   uuid.UUID
	contact  uuid.UUID // to be linked, or made
	now      time.Time
	// The identity's link, where a person had decided to relink it; nil where there is none.
	waiting *sqlc.GetWaitingLinkRow
}

func newResolution(r syncengine.Resolution, contactID string, now time.Time) (*resolution, error) {
	item, err := parse(r.ItemID, syncengine.ErrDecisionDiffers)
	if err != nil {
		return nil, err
	}
	client, err := parse(r.Mapping.ClientID, round.ErrUnknownClient)
	if err != nil {
		return nil, err
	}
	out := &resolution{Resolution: r, item: item, client: client, now: now}
	if contactID != "" {
		out.contact, err = parse(contactID, syncengine.ErrUnknownContact)
	}
	return out, err
}

// CheckResolutions implements syncengine.ResolutionStore.
func (s *Store) CheckResolutions(ctx context.Context, rs []syncengine.Resolution) (refused []error, err error) {
	refused = make([]error, len(rs))
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		erased, err := erasedMarks(ctx, q)
		if err != nil {
			return err
		}
		for i := range rs {
			res, err := newResolution(rs[i], rs[i].ContactID, time.Time{})
			if err == nil {
				res.q = q
				_, err = res.checkAgainst(ctx, erased)
			}
			if err != nil && !isRefusal(err) {
				return err
			}
			refused[i] = err
		}
		return nil
	}, pg.ReadOnly())
	return refused, err
}

// isRefusal distinguishes what a check finds from a failure of the check.
func isRefusal(err error) bool {
	switch errs.KindOf(err) {
	case errs.Conflict, errs.NotFound, errs.Precondition, errs.Invalid:
		return true
	}
	return false
}

// Resolve implements syncengine.ResolutionStore. Locks are taken in the order of a
// round: the heads of the client and of that which the identity's contact was at, the rows,
// the feed's head. What the directory is mapped to is locked before them, so that a later
// mapping finds the link.
func (s *Store) Resolve(ctx context.Context, r syncengine.Resolution, contact syncengine.ResolvedContact, now time.Time) (contactID string, err error) {
	res, err := newResolution(r, contact.ID, now)
	if err != nil {
		return "", err
	}
	tenantID, err := tenantOf(ctx)
	if err != nil {
		return "", err
	}
	mapping, err := round.NewMapping(s.pool, s.timeouts.Range, tenantID, r.Mapping)
	if err != nil {
		return "", err
	}
	for range batchTries {
		err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
			res.q, res.tenantID = q, tenantID
			if err := res.lock(ctx, mapping); err != nil {
				return err
			}
			contactID, err = res.before(ctx)
			if err != nil || contactID != "" {
				return err
			}
			contactID = res.contact.String()
			return res.write(ctx, contact)
		}, pg.StatementTimeout(s.timeouts.Range), pg.Retries(batchTries))
		if !errors.Is(err, errMoved) {
			break
		}
	}
	if err != nil {
		return "", err
	}
	return contactID, nil
}

func (r *resolution) lock(ctx context.Context, mapping *round.Mapping) error {
	err := r.q.AnnounceMapping(ctx, sqlc.AnnounceMappingParams{
		TenantID: r.tenantID, EntraTenantID: r.Mapping.EntraTenantID, ManagedTenantID: r.Mapping.ManagedTenantID, ClientID: &r.client,
		Revision: r.Mapping.Revision, Now: r.now,
	})
	if err != nil {
		return err
	}
	if _, err := mapping.Current(ctx, r.q); err != nil {
		return err
	}
	if err := r.lockHeads(ctx); err != nil || r.ContactID == "" {
		return err
	}
	return r.q.LockContact(ctx, r.contact)
}

// lockHeads raises the head of the client, and that of the client which the contact of a link that
// is to be relinked is at: errMoved where the host moved it to another one meanwhile.
func (r *resolution) lockHeads(ctx context.Context) error {
	if err := r.readWaiting(ctx); err != nil {
		return err
	}
	heads := []uuid.UUID{r.client}
	if r.waiting != nil && r.waiting.ContactClientID != r.client {
		heads = append(heads, r.waiting.ContactClientID)
	}
	if err := r.q.RaiseClientHeads(ctx, sqlc.RaiseClientHeadsParams{TenantID: r.tenantID, ClientIds: heads}); err != nil || r.waiting == nil {
		return err
	}
	if err := r.readWaiting(ctx); err != nil {
		return err
	}
	if r.waiting != nil && !slices.Contains(heads, r.waiting.ContactClientID) {
		return errMoved
	}
	return nil
}

// readWaiting reads the identity's link. Whoever moves or ends it waits for one of the heads.
func (r *resolution) readWaiting(ctx context.Context) error {
	row, err := r.q.GetWaitingLink(ctx, sqlc.GetWaitingLinkParams{
		EntraTenantID: r.Mapping.EntraTenantID, EntraObjectID: r.Identity.ObjectID, ClientID: r.client,
	})
	r.waiting = &row
	if pg.NoRows(err) {
		r.waiting, err = nil, nil
	}
	return err
}

// before is the contact that the same resolution linked; empty when it is new.
func (r *resolution) before(ctx context.Context) (contactID string, err error) {
	row, err := r.q.GetResolution(ctx, sqlc.GetResolutionParams{ItemID: r.item, Attempt: int32(r.Attempt)})
	switch {
	case pg.NoRows(err):
		return "", nil
	case err != nil:
		return "", err
	case row.EntraTenantID != r.Mapping.EntraTenantID || row.EntraObjectID != r.Identity.ObjectID || row.ClientID != r.client,
		row.Created != (r.ContactID == ""), !row.Created && row.ContactID != r.contact, row.DecidedBy != r.DecidedBy:
		return "", syncengine.ErrDecisionDiffers
	}
	return row.ContactID.String(), nil
}

// check sees that the identity and the contact are free; the contact is the zero
// value where one is to be made.
func (r *resolution) check(ctx context.Context) (contact sqlc.GetResolvableContactRow, err error) {
	erased, err := erasedMarks(ctx, r.q)
	if err != nil {
		return contact, err
	}
	return r.checkAgainst(ctx, erased)
}

func (r *resolution) checkAgainst(ctx context.Context, erased *syncengine.ErasedMarks) (contact sqlc.GetResolvableContactRow, err error) {
	if erased.HasIdentity(r.Identity.ObjectID) {
		return contact, syncengine.ErrPersonErased
	}
	link, err := r.q.GetIdentityLink(ctx, sqlc.GetIdentityLinkParams{
		EntraTenantID: r.Mapping.EntraTenantID, EntraObjectID: r.Identity.ObjectID, ClientID: r.client,
	})
	switch {
	case err != nil && !pg.NoRows(err):
		return contact, err
	case err == nil && !link.Free:
		return contact, syncengine.ErrIdentityLinked
	case r.ContactID == "":
		return contact, nil
	}
	contact, err = r.q.GetResolvableContact(ctx, sqlc.GetResolvableContactParams{
		EntraTenantID: r.Mapping.EntraTenantID, EntraObjectID: r.Identity.ObjectID, ID: r.contact,
	})
	switch {
	case pg.NoRows(err):
		return contact, syncengine.ErrUnknownContact
	case err != nil:
		return contact, err
	case contact.ClientID != r.client:
		return contact, syncengine.ErrContactOfOtherClient
	case contact.Deleted:
		return contact, syncengine.ErrContactDeleted
	case contact.Taken:
		return contact, syncengine.ErrContactLinked
	}
	return contact, nil
}

// write checks under the locks and writes what a round writes for an identity that it
// links or creates.
func (r *resolution) write(ctx context.Context, made syncengine.ResolvedContact) error {
	was, err := r.check(ctx)
	if err != nil {
		return err
	}
	version, change := int64(1), syncengine.ChangeCreated
	if r.ContactID == "" {
		err = r.create(ctx, made)
	} else {
		change = syncengine.ChangeLinked
		version, err = r.q.MarkResolvedContact(ctx, sqlc.MarkResolvedContactParams{
			EntraTenantID: r.Mapping.EntraTenantID, EntraObjectID: r.Identity.ObjectID, Now: r.now, Upn: r.Identity.UserPrincipalName,
			Enabled: r.Identity.Enabled, ID: r.contact,
		})
	}
	if err != nil {
		return err
	}
	linked, err := r.q.LinkIdentity(ctx, sqlc.LinkIdentityParams{
		TenantID: r.tenantID, EntraTenantID: r.Mapping.EntraTenantID, EntraObjectID: r.Identity.ObjectID, ContactID: r.contact,
		ClientID: r.client, Now: r.now,
	})
	if err != nil {
		return err
	}
	if linked == 0 {
		return syncengine.ErrIdentityLinked
	}
	err = r.q.InsertResolution(ctx, sqlc.InsertResolutionParams{
		TenantID: r.tenantID, ItemID: r.item, Attempt: int32(r.Attempt), EntraTenantID: r.Mapping.EntraTenantID,
		EntraObjectID: r.Identity.ObjectID, ClientID: r.client, ContactID: r.contact, Created: r.ContactID == "",
		ContactVersion: version, WasInactive: was.Inactive, WasInactivatedBySync: was.InactivatedBySync, DecidedBy: r.DecidedBy, Now: r.now,
	})
	if err != nil {
		return err
	}
	freed, err := r.release(ctx)
	if err != nil {
		return err
	}
	return r.feed(ctx, change, version, freed)
}

// release makes history of what the link was where it waited to be relinked, as a round does, and frees
// its old contact. It returns that contact's version; zero where none is freed.
func (r *resolution) release(ctx context.Context) (freed int64, err error) {
	was := r.waiting
	if was == nil {
		return 0, nil
	}
	err = r.q.InsertRelinked(ctx, sqlc.InsertRelinkedParams{
		TenantID: r.tenantID, DecisionID: was.DecisionID, EntraTenantID: r.Mapping.EntraTenantID, EntraObjectID: r.Identity.ObjectID,
		OldContactID: was.ContactID, OldClientID: was.ClientID, LinkedAt: was.CreatedAt, NewContactID: r.contact, NewClientID: r.client,
		DecidedBy: was.DecidedBy, Now: r.now,
	})
	if err != nil || !was.Shown || was.ContactID == r.contact {
		return 0, err
	}
	return r.q.FreeRelinkedContact(ctx, sqlc.FreeRelinkedContactParams{Now: r.now, ID: was.ContactID})
}

func (r *resolution) create(ctx context.Context, made syncengine.ResolvedContact) error {
	return r.q.InsertResolvedContact(ctx, sqlc.InsertResolvedContactParams{
		TenantID: r.tenantID, ID: r.contact, ClientID: r.client, FullName: r.Identity.FullName, NameKey: made.NameKey,
		Email: r.Identity.Email, EmailNorm: made.EmailNorm, Phone: r.Identity.Phone, Role: r.Identity.Role, SignInName: made.SignInName,
		EntraTenantID: r.Mapping.EntraTenantID, EntraObjectID: r.Identity.ObjectID, Now: r.now, Upn: r.Identity.UserPrincipalName,
		Enabled: r.Identity.Enabled,
	})
}

// feed adds the change to the feed, whose head is locked last and until the commit, and before it that of
// the contact which was freed, by its version; zero for none.
func (r *resolution) feed(ctx context.Context, change string, version, freed int64) error {
	count := int64(1)
	if freed > 0 {
		count++
	}
	last, err := r.q.AdvanceFeed(ctx, sqlc.AdvanceFeedParams{TenantID: r.tenantID, Count: count, Now: r.now})
	if err != nil {
		return err
	}
	if freed > 0 {
		err = r.q.InsertUnlinkedChange(ctx, sqlc.InsertUnlinkedChangeParams{
			TenantID: r.tenantID, Seq: last.Seq - 1, Type: syncengine.ChangeUpdated, ContactID: r.waiting.ContactID, ClientID: r.waiting.ContactClientID,
			Version: freed, Fields: []string{"entraObjectId", "linkStatus"}, At: last.At,
		})
		if err != nil {
			return err
		}
	}
	return r.q.InsertPersonChange(ctx, sqlc.InsertPersonChangeParams{
		TenantID: r.tenantID, Seq: last.Seq, Type: change, ContactID: r.contact, ClientID: r.client, Version: version, LinkStatus: "active",
		Fields: []string{}, At: last.At,
	})
}
