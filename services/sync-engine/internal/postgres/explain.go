package postgres

import (
	"context"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/round"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// OpenExplanation implements syncengine.ExplainStore. It waits for a place as rounds do.
func (s *Store) OpenExplanation(ctx context.Context, of syncengine.ManagedTenant) (syncengine.ExplainRound, error) {
	leave, err := s.enterRound(ctx)
	if err != nil {
		return nil, err
	}
	r, err := round.OpenExplanation(ctx, s.pool, of, s.timeouts, leave)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// FindIdentities implements syncengine.ExplainStore.
func (s *Store) FindIdentities(ctx context.Context, by syncengine.IdentitySearch, most int) (found []syncengine.KnownIdentity, err error) {
	managed, size := pg.TextOrNil(by.ManagedTenantID), int32(most) // some
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		switch {
		case by.ObjectID != "":
			rows, err := q.FindIdentitiesByID(ctx, sqlc.FindIdentitiesByIDParams{ObjectID: by.ObjectID, ManagedTenantID: managed, Most: size})
			for _, r := range rows {
				found = append(found, knownIdentity(r))
			}
			return err
		case by.SignInName != "":
			rows, err := q.FindIdentitiesBySignInName(ctx, sqlc.FindIdentitiesBySignInNameParams{SignInName: by.SignInName, ManagedTenantID: managed, Most: size})
			for _, r := range rows {
				found = append(found, knownIdentity(sqlc.FindIdentitiesByIDRow(r)))
			}
			return err
		case by.EmailNorm != "":
			rows, err := q.FindIdentitiesByAddress(ctx, sqlc.FindIdentitiesByAddressParams{Address: by.EmailNorm, ManagedTenantID: managed, Most: size})
			for _, r := range rows {
				found = append(found, knownIdentity(sqlc.FindIdentitiesByIDRow(r)))
			}
			return err
		}
		from, to := by.NameStart, by.NameStart+lastKey
		rows, err := q.FindIdentitiesByName(ctx, sqlc.FindIdentitiesByNameParams{NameFrom: from, NameTo: to, ManagedTenantID: managed, Most: size})
		for _, r := range rows {
			found = append(found, knownIdentity(sqlc.FindIdentitiesByIDRow(r)))
		}
		return err
	}, pg.ReadOnly())
	return found, err
}

func knownIdentity(r sqlc.FindIdentitiesByIDRow) syncengine.KnownIdentity {
	return syncengine.KnownIdentity{
		ManagedTenantID: r.ManagedTenantID, EntraTenantID: r.EntraTenantID, ObjectID: r.EntraObjectID, DisplayName: r.FullName, UserPrincipalName: r.Upn,
	}
}
