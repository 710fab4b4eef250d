package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// asOf names a contact in one of its versions; version 0 is the present one.
type asOf struct {
	id      uuid.UUID
	version int64
}

// Changes implements syncengine.FeedStore. Head and entries are of one snapshot: an
// entry that the head counts and the page lacks would look like one that is not kept.
func (s *Store) Changes(ctx context.Context, after int64, size int) (entries []syncengine.FeedEntry, head int64, err error) {
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		if head, err = q.FeedHead(ctx); err != nil {
			return err
		}
		rows, err := q.ListChanges(ctx, sqlc.ListChangesParams{After: after, Size: int32(size)}) // at most a few hundred
		if err != nil {
			return err
		}
		contacts, err := contactsAsOf(ctx, q, rows)
		if err != nil {
			return err
		}
		entries = make([]syncengine.FeedEntry, len(rows))
		for i := range rows {
			if entries[i], err = entryOf(&rows[i], contacts); err != nil {
				return err
			}
		}
		return nil
	}, pg.ReadOnly(), pg.RepeatableRead())
	return entries, head, err
}

// contactsAsOf reads the contacts of the entries in their versions.
func contactsAsOf(ctx context.Context, q *sqlc.Queries, rows []sqlc.ListChangesRow) (map[asOf]syncengine.Contact, error) {
	var ids, bare []uuid.UUID
	var versions []int64
	seen := map[asOf]bool{}
	for i := range rows {
		if rows[i].ContactID == nil {
			continue
		}
		key := keyOf(&rows[i])
		if key.version == 0 {
			bare = append(bare, key.id)
		}
		if !seen[key] {
			seen[key] = true
			ids, versions = append(ids, key.id), append(versions, key.version)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	found, err := q.ContactsAsOf(ctx, sqlc.ContactsAsOfParams{Ids: ids, Versions: versions})
	if err != nil {
		return nil, err
	}
	contacts := make(map[asOf]syncengine.Contact, len(found))
	for i := range found {
		contacts[asOf{found[i].ID, found[i].Asked}] = versionOf(&found[i])
	}
	if len(bare) == 0 {
		return contacts, nil
	}
	statuses, err := q.LinkStatuses(ctx, bare)
	if err != nil {
		return nil, err
	}
	for _, row := range statuses {
		key := asOf{row.ID, 0}
		c := contacts[key]
		c.LinkStatus = row.LinkStatus
		contacts[key] = c
	}
	return contacts, nil
}

func keyOf(row *sqlc.ListChangesRow) asOf {
	key := asOf{id: *row.ContactID}
	if row.Version != nil { // entries of before have none
		key.version = *row.Version
	}
	return key
}

func entryOf(row *sqlc.ListChangesRow, contacts map[asOf]syncengine.Contact) (syncengine.FeedEntry, error) {
	e := syncengine.FeedEntry{ClientID: row.ClientID.String(), Sequence: row.Seq, Type: row.Type, Source: row.Source, Fields: row.Fields, RunID: pg.ID(row.RunID), At: row.At}
	switch {
	case row.Item != nil:
		e.Item = &syncengine.FeedItem{}
		return e, json.Unmarshal(row.Item, e.Item)
	case row.ContactID == nil:
		e.Client = &syncengine.FeedClient{}
		return e, json.Unmarshal(row.Client, e.Client)
	}
	c, stored := contacts[keyOf(row)]
	if !stored { // the person was erased: the id is all that is left
		c = syncengine.Contact{ID: row.ContactID.String(), ClientID: row.ClientID.String(), Deleted: true}
	} else if row.Version != nil {
		c.LinkStatus = row.LinkStatus
	}
	e.Contact = &c
	return e, nil
}

func versionOf(r *sqlc.ContactsAsOfRow) syncengine.Contact {
	c := syncengine.Contact{
		ID: r.ID.String(), ClientID: r.ClientID.String(), ExternalID: pg.Text(r.ExternalID), FullName: r.FullName, Email: r.Email, Phone: r.Phone,
		Role: r.Role, SignInName: r.SignInName, Inactive: r.Inactive, Deleted: r.Deleted, Version: r.Version, EntraTenantID: r.EntraTenantID, EntraObjectID: r.EntraObjectID,
		LastSyncAt: r.LastEntraSyncAt, UPN: r.EntraUserPrincipalName, AccountEnabled: r.EntraAccountEnabled, SyncStatus: r.EntraSyncStatus,
		SyncReason: r.EntraSyncStatusReason,
	}
	if r.EntraObjectID != nil {
		source := syncengine.SyncSource
		c.SyncSource = &source
	}
	return c
}

// FeedHead is the number of the tenant's last change, 0 before the first.
func (s *Store) FeedHead(ctx context.Context) (head int64, err error) {
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		head, err = q.FeedHead(ctx)
		return err
	}, pg.ReadOnly())
	return head, err
}

// FeedBefore implements syncengine.FeedStore.
func (s *Store) FeedBefore(ctx context.Context, at time.Time) (before int64, err error) {
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		first, err := q.FeedBefore(ctx, at)
		if err == nil && first > 0 {
			before = first - 1
			return nil
		}
		if err == nil {
			before, err = q.FeedHead(ctx)
		}
		return err
	}, pg.ReadOnly(), pg.RepeatableRead())
	return before, err
}

// KeepFeedMonths makes the feed's partitions to come and drops those that are more
// than so many months old, 0 none. It returns what it did.
func (s *Store) KeepFeedMonths(ctx context.Context, months int) (done []string, err error) {
	err = pg.WithoutTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		done, err = sqlc.New(tx).KeepFeedMonths(ctx, int32(months))
		return err
	})
	return done, err
}
