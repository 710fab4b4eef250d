package postgres

import (
	"context"
	_ "embed" // the statement
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

//go:embed batch/end_links.sql
var endLinks string

// batchTries bounds how often a batch begins anew after contention.
const batchTries = 3

var errMoved = errs.Of(reason.DatabaseContention)

// Batch runs fn while it holds the heads of all clients concerned: those named,
// those that the contacts stand at, and those whose identities lose a contact. Rounds
// of these clients decide again.
func (s *Store) Batch(ctx context.Context, bq syncengine.BatchQuery, fn func(ctx context.Context, tx syncengine.BatchTx) error) error {
	call, err := tenant.From(ctx)
	if err != nil {
		return err
	}
	b := &batch{
		tenantID: call.Tenant.String(), actor: call.Actor.ID, externals: bq.ExternalIDs, emails: bq.Emails, goneExternals: bq.DeletedExternalIDs,
	}
	if b.ids, err = parseAll(bq.IDs); err != nil {
		return err
	}
	if b.gone, err = parseAll(bq.DeletedIDs); err != nil {
		return err
	}
	if b.clients, err = parseAll(bq.ClientIDs); err != nil {
		return err
	}
	for range batchTries {
		b.moved = false
		err = pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
			b.q, b.tx = sqlc.New(tx), tx
			if err := b.lockHeads(ctx); err != nil {
				return err
			}
			return fn(ctx, b)
		}, pg.StatementTimeout(s.timeouts.Range), pg.Retries(batchTries))
		// A contact with the same external id may have come meanwhile, at a client whose head we
		// do not hold: the next time it is found.
		if !b.moved && errs.ReasonOf(err) != reason.AlreadyExists {
			return err
		}
	}
	return err
}

// batch is a batch's transaction.
type batch struct {
	q            *sqlc.Queries
	tx           pgx.Tx
	tenantID     string
	actor        string // who sent it
	ids, clients []uuid.UUID
	externals    []string
	emails       []string
	// Which of the ids, and of the external ids, are of contacts that are deleted.
	gone          []uuid.UUID
	goneExternals []string
	heads         map[uuid.UUID]bool
	moved         bool // a contact went to a client whose head we do not hold
}

// lockHeads locks and raises the heads. A contact cannot be linked to an identity of yet another directory
// while it waits: only rounds of the client that the contact is at link it.
func (b *batch) lockHeads(ctx context.Context) error {
	current, err := b.q.ClientsOfContacts(ctx, sqlc.ClientsOfContactsParams{Ids: b.ids, ExternalIds: b.externals})
	if err != nil {
		return err
	}
	if len(b.gone)+len(b.goneExternals) > 0 {
		linked, err := b.q.ClientsOfLinks(ctx, sqlc.ClientsOfLinksParams{Ids: b.gone, ExternalIds: b.goneExternals})
		if err != nil {
			return err
		}
		current = append(current, linked...)
	}
	b.heads = map[uuid.UUID]bool{}
	var all []uuid.UUID
	for _, id := range slices.Concat(b.clients, current) {
		if !b.heads[id] {
			b.heads[id] = true
			all = append(all, id)
		}
	}
	return b.q.RaiseClientHeads(ctx, sqlc.RaiseClientHeadsParams{TenantID: b.tenantID, ClientIds: all})
}

// Find locks and returns the contacts that the batch may touch.
func (b *batch) Find(ctx context.Context, _ syncengine.BatchQuery) ([]syncengine.StoredContact, error) {
	byID, err := b.q.FindByID(ctx, b.ids)
	if err != nil {
		return nil, err
	}
	byExternal, err := b.q.FindByExternalID(ctx, b.externals)
	if err != nil {
		return nil, err
	}
	adoptable, err := b.q.FindAdoptable(ctx, sqlc.FindAdoptableParams{Emails: b.emails, ClientIds: b.clients})
	if err != nil {
		return nil, err
	}
	var out []syncengine.StoredContact
	seen := map[uuid.UUID]bool{}
	add := func(r sqlc.FindByIDRow) {
		if !seen[r.ID] {
			seen[r.ID] = true
			b.moved = b.moved || !b.heads[r.ClientID]
			out = append(out, storedContact(r))
		}
	}
	for _, r := range byID {
		add(r)
	}
	for _, r := range byExternal {
		add(sqlc.FindByIDRow(r))
	}
	for _, r := range adoptable {
		add(sqlc.FindByIDRow(r))
	}
	if b.moved {
		return nil, errMoved
	}
	return out, nil
}

func storedContact(r sqlc.FindByIDRow) syncengine.StoredContact {
	return syncengine.StoredContact{
		ID: r.ID.String(), ClientID: r.ClientID.String(), ExternalID: pg.Text(r.ExternalID), FullName: r.FullName, NameKey: r.NameKey,
		Email: r.Email, EmailNorm: pg.Text(r.EmailNorm), Phone: r.Phone, Role: r.Role, Inactive: r.Inactive, Deleted: r.Deleted,
		InactivatedBySync: r.InactivatedBySync, MadeBy: r.MadeBy, Version: r.Version, Linked: r.Linked,
	}
}

// Write writes what was decided; the feed's head comes last.
func (b *batch) Write(ctx context.Context, w syncengine.BatchWrite) error {
	if len(w.Insert) > 0 {
		c, err := columnsOf(w.Insert)
		if err != nil {
			return err
		}
		if err := b.q.InsertContacts(ctx, sqlc.InsertContactsParams{
			TenantID: b.tenantID, Now: w.Now, Ids: c.ids, ClientIds: c.clients, ExternalIds: c.externals, FullNames: c.names,
			NameKeys: c.keys, Emails: c.emails, EmailNorms: c.norms, Phones: c.phones, Roles: c.roles, Inactive: c.inactive,
		}); err != nil {
			return err
		}
	}
	if len(w.Update) > 0 {
		c, err := columnsOf(w.Update)
		if err != nil {
			return err
		}
		if err := b.endLinks(ctx, w, c); err != nil {
			return err
		}
		if err := b.q.UpdateContacts(ctx, sqlc.UpdateContactsParams{
			Now: w.Now, Ids: c.ids, ClientIds: c.clients, ExternalIds: c.externals, FullNames: c.names, NameKeys: c.keys, Emails: c.emails,
			EmailNorms: c.norms, Phones: c.phones, Roles: c.roles, Inactive: c.inactive, Deleted: c.deleted,
			InactivatedBySync: c.bySync, Versions: c.versions,
		}); err != nil {
			return err
		}
	}
	return b.feed(ctx, w)
}

// endLinks ends the links of contacts that are to be deleted, as long as they show them. Rounds that have planned for them
// decide again: they see that the client's head has moved.
func (b *batch) endLinks(ctx context.Context, w syncengine.BatchWrite, c columns) error {
	var gone []uuid.UUID
	for i, id := range c.ids {
		if c.deleted[i] {
			gone = append(gone, id)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	_, err := b.tx.Exec(ctx, endLinks, pgx.NamedArgs{"ids": gone, "tenant": b.tenantID, "decided_by": b.actor, "now": w.Now})
	return err
}

func (b *batch) feed(ctx context.Context, w syncengine.BatchWrite) error {
	p := sqlc.InsertChangesParams{TenantID: b.tenantID}
	for _, change := range w.Changes {
		contact, err := parseAll([]string{change.ContactID, change.ClientID})
		if err != nil {
			return err
		}
		p.Types = append(p.Types, change.Type)
		p.ContactIds = append(p.ContactIds, contact[0])
		p.ClientIds = append(p.ClientIds, contact[1])
		p.Versions = append(p.Versions, change.Version)
		p.Fields = append(p.Fields, strings.Join(change.Fields, ","))
	}
	last, err := b.q.AdvanceFeed(ctx, sqlc.AdvanceFeedParams{TenantID: b.tenantID, Count: int64(len(w.Changes)), Now: w.Now})
	if err != nil {
		return err
	}
	p.FirstSeq, p.At = last.Seq-int64(len(w.Changes))+1, last.At
	return b.q.InsertChanges(ctx, p)
}

// columns are contacts by column, as unnest takes them.
type columns struct {
	ids, clients                                         []uuid.UUID
	externals, names, keys, emails, norms, phones, roles []string
	inactive, deleted, bySync                            []bool
	versions                                             []int64
}

func columnsOf(contacts []syncengine.StoredContact) (c columns, err error) {
	for i := range contacts {
		s := &contacts[i]
		ids, err := parseAll([]string{s.ID, s.ClientID})
		if err != nil {
			return c, err
		}
		c.ids, c.clients = append(c.ids, ids[0]), append(c.clients, ids[1])
		c.externals, c.names, c.keys = append(c.externals, s.ExternalID), append(c.names, s.FullName), append(c.keys, s.NameKey)
		c.emails, c.norms = append(c.emails, s.Email), append(c.norms, s.EmailNorm)
		c.phones, c.roles = append(c.phones, s.Phone), append(c.roles, s.Role)
		c.inactive, c.deleted = append(c.inactive, s.Inactive), append(c.deleted, s.Deleted)
		c.bySync, c.versions = append(c.bySync, s.InactivatedBySync), append(c.versions, s.Version)
	}
	return c, nil
}
