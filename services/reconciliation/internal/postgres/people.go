package postgres

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/reconciliation/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/reconciliation/internal/reconciliation"
)

// PersonRecords implements reconciliation.PersonReader.
func (s *Store) PersonRecords(ctx context.Context, p reconciliation.Person) (records []reconciliation.PersonRecord, err error) {
	err = pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := sqlc.New(tx).PersonRecords(ctx, sqlc.PersonRecordsParams{ContactIds: p.ContactIDs, ObjectIds: p.ObjectIDs, Texts: p.Texts})
		for _, row := range rows {
			records = append(records, reconciliation.PersonRecord{Table: row.Source, JSON: row.Record})
		}
		return err
	}, pg.ReadOnly())
	return records, err
}

// ErasePerson implements reconciliation.PersonEraser.
func (s *Store) ErasePerson(ctx context.Context, p reconciliation.Person) (erased map[string]int64, err error) {
	err = pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		counted, err := sqlc.New(tx).ErasePerson(ctx, sqlc.ErasePersonParams{ContactIds: p.ContactIDs, ObjectIds: p.ObjectIDs, Texts: p.Texts})
		if err != nil {
			return err
		}
		erased = nil
		return json.Unmarshal(counted, &erased)
	}, pg.Retries(3))
	return erased, err
}
