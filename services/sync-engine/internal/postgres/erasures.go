package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/outbox"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/proto/entrasync/effectkind"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/round"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// BeginErasure implements syncengine.ErasureStore.
func (s *Store) BeginErasure(ctx context.Context, e syncengine.Erasure, p *syncengine.Person, marks [][]byte, finishAfter time.Duration) error {
	id, err := parse(e.ID, syncengine.ErrUnknownErasure)
	if err != nil {
		return err
	}
	tenantID, err := tenantOf(ctx)
	if err != nil {
		return err
	}
	person, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		err := q.InsertErasure(ctx, sqlc.InsertErasureParams{
			TenantID: tenantID, ID: id, RequestedBy: e.RequestedBy, Reference: e.Reference, Person: person, RequestedAt: e.RequestedAt,
		})
		if err != nil {
			return err
		}
		if err := q.InsertErasedMarks(ctx, sqlc.InsertErasedMarksParams{TenantID: tenantID, ErasureID: id, Marks: marks}); err != nil {
			return err
		}
		return outbox.Add(ctx, tx, outbox.Effect{
			ID: e.ID, ActorID: e.RequestedBy, Kind: effectkind.ErasePerson, CreatedAt: e.RequestedAt, Delay: finishAfter,
			Arguments: map[string]string{"erasure_id": e.ID},
		})
	})
}

// OpenErasure implements syncengine.ErasureStore.
func (s *Store) OpenErasure(ctx context.Context, erasureID string) (syncengine.Erasing, syncengine.Erasure, error) {
	id, err := parse(erasureID, syncengine.ErrUnknownErasure)
	if err != nil {
		return nil, syncengine.Erasure{}, err
	}
	tenantID, err := tenantOf(ctx)
	if err != nil {
		return nil, syncengine.Erasure{}, err
	}
	o := &erasing{store: s, tenantID: tenantID, id: id}
	var keys []string
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		row, err := q.GetErasure(ctx, id)
		if pg.NoRows(err) {
			return syncengine.ErrUnknownErasure
		}
		if err != nil {
			return err
		}
		if o.so, err = erasureOf(sqlc.ListErasuresRow(row)); err != nil || row.Person == nil {
			return err
		}
		if err := json.Unmarshal(row.Person, &o.person); err != nil {
			return err
		}
		keys, err = o.locks(ctx, q)
		return err
	}, pg.ReadOnly())
	if err != nil || o.so.CompletedAt != nil {
		return nil, o.so, err
	}
	if o.conn, o.leave, err = s.decisionConn(ctx); err != nil {
		return nil, o.so, err
	}
	if err := waitForLocks(ctx, o.conn, keys); err != nil {
		o.Release()
		return nil, o.so, err
	}
	return o, o.so, nil
}

// erasing is an erasure under way.
type erasing struct {
	store    *Store
	conn     *pg.Conn
	leave    func()
	tenantID string
	id       uuid.UUID
	so       syncengine.Erasure
	person   syncengine.Person
}

func (o *erasing) directories() []string {
	var out []string
	for i := range o.person.Identities {
		if directory := o.person.Identities[i].EntraTenantID; directory != "" {
			out = append(out, directory)
		}
	}
	return out
}

// locks are those of the clients whose rounds may know the person, in order.
func (o *erasing) locks(ctx context.Context, q *sqlc.Queries) ([]string, error) {
	contacts, objects, _ := o.person.Keys()
	ids, err := parseAll(contacts)
	if err != nil {
		return nil, err
	}
	clients, err := q.PersonClients(ctx, sqlc.PersonClientsParams{ContactIds: ids, ObjectIds: objects, DirectoryIds: o.directories()})
	keys := make([]string, len(clients))
	for i, client := range clients {
		keys[i] = round.ClientLock(o.tenantID, client)
	}
	slices.Sort(keys)
	return keys, err
}

// Person implements syncengine.Erasing.
func (o *erasing) Person() *syncengine.Person { return &o.person }

// Release implements syncengine.Erasing.
func (o *erasing) Release() { o.leave() }

// Erase implements syncengine.Erasing. Locks are taken in the order of a round: the
// clients' heads, the rows, the feed's head.
func (o *erasing) Erase(ctx context.Context, elsewhere map[string]int, now time.Time) (so syncengine.Erasure, err error) {
	err = pg.InTenant(ctx, o.conn, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		person, err := q.LockErasure(ctx, o.id)
		if err != nil {
			return err
		}
		if person != nil {
			if err := o.erase(ctx, tx, q, elsewhere, now); err != nil {
				return err
			}
		}
		row, err := q.GetErasure(ctx, o.id)
		if err != nil {
			return err
		}
		so, err = erasureOf(sqlc.ListErasuresRow(row))
		return err
	}, pg.StatementTimeout(o.store.timeouts.Directory))
	if err != nil {
		return so, fmt.Errorf("erasing a person: %w", err)
	}
	return so, nil
}

func (o *erasing) erase(ctx context.Context, tx pgx.Tx, q *sqlc.Queries, elsewhere map[string]int, now time.Time) error {
	contacts, clients, err := o.heads(ctx, q)
	if err != nil {
		return err
	}
	_, objects, texts := o.person.Keys()
	counted, err := q.ErasePerson(ctx, sqlc.ErasePersonParams{ContactIds: contacts, ObjectIds: objects, DirectoryIds: o.directories(), Texts: texts})
	if err != nil {
		return err
	}
	if err := q.ForgetGroupMembers(ctx, o.directories()); err != nil {
		return err
	}
	here := map[string]int{}
	if err := json.Unmarshal(counted, &here); err != nil {
		return err
	}
	erased := map[string]int{}
	for table, n := range here {
		erased[sourcePrefix+table] = n
	}
	for source, n := range elsewhere {
		erased[source] = n
	}
	summary, err := json.Marshal(erased)
	if err != nil {
		return err
	}
	if err := q.CompleteErasure(ctx, sqlc.CompleteErasureParams{ID: o.id, Now: now, Erased: summary}); err != nil {
		return err
	}
	if err := outbox.Finish(ctx, tx, o.id.String(), now); err != nil {
		return err
	}
	if len(contacts) == 0 {
		return nil
	}
	last, err := q.AdvanceFeed(ctx, sqlc.AdvanceFeedParams{TenantID: o.tenantID, Count: int64(len(contacts)), Now: now})
	if err != nil {
		return err
	}
	return q.InsertErasedChanges(ctx, sqlc.InsertErasedChangesParams{
		TenantID: o.tenantID, FirstSeq: last.Seq - int64(len(contacts)) + 1, ContactIds: contacts, ClientIds: clients, At: last.At,
	})
}

// heads locks the heads of the clients, and returns the contacts as they are now, each with its client: until the
// heads are locked a person may link the identity, or make a contact for it.
func (o *erasing) heads(ctx context.Context, q *sqlc.Queries) (contacts, clients []uuid.UUID, err error) {
	known, objects, _ := o.person.Keys()
	first, err := parseAll(known)
	if err != nil {
		return nil, nil, err
	}
	for locked := map[uuid.UUID]bool{}; ; {
		ids := slices.Clone(first)
		links, err := q.PersonLinks(ctx, sqlc.PersonLinksParams{ObjectIds: objects})
		if err != nil {
			return nil, nil, err
		}
		for _, link := range links {
			ids = append(ids, link.ContactID)
		}
		all, err := q.PersonClients(ctx, sqlc.PersonClientsParams{ContactIds: ids, ObjectIds: objects, DirectoryIds: o.directories()})
		if err != nil {
			return nil, nil, err
		}
		if all = slices.DeleteFunc(all, func(client uuid.UUID) bool { return locked[client] }); len(all) == 0 {
			rows, err := q.PersonContacts(ctx, sqlc.PersonContactsParams{Ids: ids})
			for i := range rows {
				contacts, clients = append(contacts, rows[i].ID), append(clients, rows[i].ClientID)
			}
			return contacts, clients, err
		}
		if err := q.RaiseClientHeads(ctx, sqlc.RaiseClientHeadsParams{TenantID: o.tenantID, ClientIds: all}); err != nil {
			return nil, nil, err
		}
		for _, client := range all {
			locked[client] = true
		}
	}
}

// Erasures implements syncengine.ErasureReader.
func (s *Store) Erasures(ctx context.Context, beforeID string, limit int) (all []syncengine.Erasure, err error) {
	before := uuid.Max
	if beforeID != "" {
		if before, err = parse(beforeID, errMalformedID); err != nil {
			return nil, err
		}
	}
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		rows, err := q.ListErasures(ctx, sqlc.ListErasuresParams{Before: before, Size: int32(limit)})
		if err != nil {
			return err
		}
		for _, row := range rows {
			one, err := erasureOf(row)
			if err != nil {
				return err
			}
			all = append(all, one)
		}
		return nil
	}, pg.ReadOnly())
	return all, err
}

// LiftErasure implements syncengine.ErasureLifter.
func (s *Store) LiftErasure(ctx context.Context, erasureID string, now time.Time) (so syncengine.Erasure, err error) {
	id, err := parse(erasureID, syncengine.ErrUnknownErasure)
	if err != nil {
		return so, err
	}
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		lifted, err := q.LiftErasure(ctx, sqlc.LiftErasureParams{ID: id, Now: now})
		if err != nil {
			return err
		}
		row, err := q.GetErasure(ctx, id)
		switch {
		case pg.NoRows(err):
			return syncengine.ErrUnknownErasure
		case err != nil:
			return err
		case lifted == 0:
			return syncengine.ErrErasurePending
		}
		if so, err = erasureOf(sqlc.ListErasuresRow(row)); err != nil {
			return err
		}
		return q.ForgetErasedMarks(ctx, id)
	})
	return so, err
}

func erasureOf(row sqlc.ListErasuresRow) (syncengine.Erasure, error) {
	e := syncengine.Erasure{
		ID: row.ID.String(), RequestedBy: row.RequestedBy, Reference: row.Reference, RequestedAt: row.RequestedAt, CompletedAt: row.CompletedAt,
		LiftedAt: row.LiftedAt,
	}
	return e, json.Unmarshal(row.Erased, &e.Erased)
}

// erasedMarks are those of the tenant; nil where nobody was erased.
func erasedMarks(ctx context.Context, q *sqlc.Queries) (*syncengine.ErasedMarks, error) {
	marks, err := q.ErasedMarks(ctx)
	if err != nil {
		return nil, err
	}
	return withKey(ctx, q, marks)
}

// withKey reads the key by which the marks were made; it is not needed where there are none.
func withKey(ctx context.Context, q *sqlc.Queries, marks [][]byte) (*syncengine.ErasedMarks, error) {
	if len(marks) == 0 {
		return nil, nil
	}
	keys, err := q.TicketKey(ctx)
	if err != nil || len(keys) == 0 {
		return nil, err // marks are made with the key: there is one
	}
	return syncengine.NewErasedMarks(keys[0], marks), nil
}
