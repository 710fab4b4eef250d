package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// How many rows one transaction looks at, and may key anew, and how many tenants are read at once.
const (
	keySpan    = 1000
	keyTenants = 1000
)

// KeyNames gives contacts and kept identities of all tenants the key that syncengine.NameKey makes of
// their names now, where another version of the program made it, and returns how many got one. A contact
// changes in nothing else: neither its version nor its times, and no change is announced. It goes in
// small transactions, may be broken off anywhere and done again, and by several processes at once; what
// somebody else writes meanwhile is left to the next time. A tenant that fails keeps none from its turn.
func (s *Store) KeyNames(ctx context.Context) (keyed int, err error) {
	var failed error
	for after := ""; ; {
		tenants, err := s.tenantsWithPeople(ctx, after)
		if err != nil {
			return keyed, errors.Join(failed, err)
		}
		for _, id := range tenants {
			of := tenant.With(ctx, tenant.Call{Tenant: tenant.ID(id), Actor: tenant.Actor{Type: "system"}})
			// Kept identities come first: a round makes contacts of them with the key that they have.
			for _, all := range []func(context.Context) (int, error){s.keyKept, s.keyContacts} {
				n, err := all(of)
				keyed += n
				if ctx.Err() != nil {
					return keyed, fmt.Errorf("keying names: %w", ctx.Err())
				}
				failed = errors.Join(failed, err)
			}
			after = id
		}
		if len(tenants) < keyTenants {
			return keyed, failed
		}
	}
}

func (s *Store) tenantsWithPeople(ctx context.Context, after string) (tenants []string, err error) {
	err = pg.AcrossTenants(ctx, s.pool.Background(), func(ctx context.Context, tx pgx.Tx) error {
		tenants, err = sqlc.New(tx).TenantsWithPeople(ctx, sqlc.TenantsWithPeopleParams{After: after, Size: keyTenants})
		return err
	})
	return tenants, err
}

// keyContacts goes through the contacts of the context's tenant.
func (s *Store) keyContacts(ctx context.Context) (keyed int, err error) {
	for at := (sqlc.ContactsToKeyParams{Size: keySpan}); ; {
		var rows []sqlc.ContactsToKeyRow
		err = s.readKeys(ctx, func(ctx context.Context, q *sqlc.Queries) error {
			rows, err = q.ContactsToKey(ctx, at)
			return err
		})
		if err != nil || len(rows) == 0 {
			return keyed, err
		}
		last := rows[len(rows)-1]
		changed := slices.DeleteFunc(slices.Clone(rows), func(row sqlc.ContactsToKeyRow) bool { return syncengine.NameKey(row.FullName) == row.NameKey })
		if len(changed) > 0 {
			n, err := s.writeKeys(ctx, func(ctx context.Context, q *sqlc.Queries) (int64, error) {
				return writeContactKeys(ctx, q, changed, sqlc.KeyContactsParams{FromKey: at.AfterKey, ToKey: last.NameKey})
			})
			if err != nil {
				return keyed, err
			}
			keyed += n
		}
		if last.N < keySpan {
			return keyed, nil
		}
		at.AfterKey, at.AfterID = last.NameKey, last.ID
	}
}

// writeContactKeys writes the keys of the contacts whose clients nobody else has locked: whoever has may
// know where their rows lie.
func writeContactKeys(ctx context.Context, q *sqlc.Queries, rows []sqlc.ContactsToKeyRow, of sqlc.KeyContactsParams) (int64, error) {
	clients := make([]uuid.UUID, 0, len(rows))
	for _, row := range rows {
		clients = append(clients, row.ClientID)
	}
	free, err := q.LockClientHeads(ctx, clients)
	if err != nil || len(free) == 0 {
		return 0, err
	}
	of.ClientIds = free // of one that was moved since it was read, the head may be another one
	for _, row := range rows {
		of.Ids, of.FullNames, of.NameKeys = append(of.Ids, row.ID), append(of.FullNames, row.FullName), append(of.NameKeys, syncengine.NameKey(row.FullName))
	}
	n, err := q.KeyContacts(ctx, of)
	if err != nil || n == 0 {
		return 0, err
	}
	return n, q.NamesKeyed(ctx) // last, as every writer of the feed's head
}

// keyKept goes through the kept identities of the context's tenant.
func (s *Store) keyKept(ctx context.Context) (keyed int, err error) {
	for at := (sqlc.KeptToKeyParams{Size: keySpan}); ; {
		var rows []sqlc.KeptToKeyRow
		err = s.readKeys(ctx, func(ctx context.Context, q *sqlc.Queries) error {
			rows, err = q.KeptToKey(ctx, at)
			return err
		})
		if err != nil || len(rows) == 0 {
			return keyed, err
		}
		anew := map[string]*sqlc.KeyKeptParams{} // by directory
		for _, row := range rows {
			if key := syncengine.NameKey(row.FullName); key != row.NameKey {
				of := anew[row.EntraTenantID]
				if of == nil {
					of = &sqlc.KeyKeptParams{Directory: row.EntraTenantID}
					anew[row.EntraTenantID] = of
				}
				of.ObjectIds, of.FullNames, of.NameKeys = append(of.ObjectIds, row.EntraObjectID), append(of.FullNames, row.FullName), append(of.NameKeys, key)
			}
		}
		for _, of := range anew {
			n, err := s.writeKeys(ctx, func(ctx context.Context, q *sqlc.Queries) (int64, error) { return q.KeyKept(ctx, *of) })
			if err != nil {
				return keyed, err
			}
			keyed += n
		}
		last := rows[len(rows)-1]
		if last.N < keySpan {
			return keyed, nil
		}
		at.AfterDirectory, at.AfterObject = last.EntraTenantID, last.EntraObjectID
	}
}

func (s *Store) readKeys(ctx context.Context, fn func(ctx context.Context, q *sqlc.Queries) error) error {
	return pg.InTenant(ctx, s.pool.Background(), func(ctx context.Context, tx pgx.Tx) error {
		return fn(ctx, sqlc.New(tx))
	}, pg.ReadOnly(), pg.Serial(), pg.ByIndex())
}

// writeKeys runs a statement that writes keys alone.
func (s *Store) writeKeys(ctx context.Context, fn func(ctx context.Context, q *sqlc.Queries) (int64, error)) (written int, err error) {
	err = pg.InTenant(ctx, s.pool.Background(), func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		if err := q.KeysAlone(ctx); err != nil {
			return err
		}
		n, err := fn(ctx, q)
		written = int(n)
		return err
	}, pg.ByIndex())
	if err != nil {
		return 0, err
	}
	return written, nil
}
