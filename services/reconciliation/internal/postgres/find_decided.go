package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/reconciliation/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/reconciliation/internal/reconciliation"
)

// Decided implements reconciliation.DecidedFinder.
func (s *Store) Decided(ctx context.Context, round reconciliation.Round, sightings []reconciliation.Sighting) (decided []string, err error) {
	params := sqlc.FindDecidedParams{EntraTenantID: round.EntraTenantID, ClientID: round.ClientID, Since: round.Since}
	for i := range sightings {
		params.EntraObjectIds = append(params.EntraObjectIds, sightings[i].EntraObjectID)
		params.Fingerprints = append(params.Fingerprints, sightings[i].Fingerprint)
	}
	err = pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) (err error) {
		decided, err = sqlc.New(tx).FindDecided(ctx, params)
		return err
	}, pg.ReadOnly())
	return decided, err
}
