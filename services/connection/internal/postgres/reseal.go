package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/secrets"
	"github.com/entrasync/entrasync/services/connection/internal/postgres/sqlc"
)

// resealRows is how many values of a kind one transaction seals again.
const resealRows = 500

// Resealer seals values again whose key has been replaced.
type Resealer struct {
	database
	box *secrets.Box
}

// NewResealer makes a resealer, which seals with the box.
func NewResealer(pool *pg.Pool, box *secrets.Box) *Resealer {
	return &Resealer{database: database{pool}, box: box}
}

// seal returns the ciphertext and the id of the key that made it.
func seal(box *secrets.Box, plain secrets.Text, associatedData string) (sealed []byte, keyID int64, err error) {
	if sealed, err = box.Seal(plain, associatedData); err != nil {
		return nil, 0, err
	}
	id, ok := secrets.KeyIDOf(sealed)
	if !ok {
		return nil, 0, errors.New("sealing a secret: the ciphertext names no key")
	}
	return sealed, int64(id), nil
}

// older are the ids of the keys that do not seal any more.
func (s *Resealer) older() (ids []int64) {
	for _, id := range s.box.OlderKeys() {
		ids = append(ids, int64(id))
	}
	return ids
}

// OutdatedTenants lists tenants with values that an older key sealed.
func (s *Resealer) OutdatedTenants(ctx context.Context) (tenants []string, err error) {
	if err := s.box.Refresh(ctx); err != nil {
		return nil, fmt.Errorf("looking for a rotated key set: %w", err)
	}
	older := s.older()
	if len(older) == 0 {
		return nil, nil
	}
	err = s.across(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		tenants, err = q.TenantsSealedBy(ctx, older)
		return err
	})
	return tenants, err
}

// SealedValues counts the values that each key sealed.
func SealedValues(ctx context.Context, pool *pg.Pool) (values map[uint32]int64, err error) {
	err = database{pool}.across(ctx, func(ctx context.Context, q *sqlc.Queries) error {
		rows, err := q.SealedValues(ctx)
		values = make(map[uint32]int64, len(rows))
		for _, row := range rows {
			values[uint32(row.KeyID)] = row.Total // an id of 32 bits, as seal wrote it
		}
		return err
	})
	return values, err
}

// place is a row behind which a page begins.
type place struct {
	key, version string
	id           uuid.UUID
}

// page is what became of one.
type page struct {
	last     place // its last row; zero when it was not full: then there is no more
	unopened []error
}

// listed is how many values that cannot be opened the error lists one by one.
const listed = 20

// ResealTenant seals again what an older key sealed, page by page. What cannot be
// opened stays as it is and is reported; the values after it are resealed.
func (s *Resealer) ResealTenant(ctx context.Context) error {
	older := s.older()
	var failed []error
	unopened := 0
	for _, kind := range []func(context.Context, *sqlc.Queries, string, []int64, place) (page, error){
		s.resealSecrets, s.resealVerifiers, s.resealGrants,
	} {
		var done page
		for first := true; first || done.last != (place{}); first = false {
			at := done.last
			err := s.in(ctx, func(ctx context.Context, q *sqlc.Queries, tenantID string) (err error) {
				done, err = kind(ctx, q, tenantID, older, at)
				return err
			})
			if err != nil {
				return errors.Join(append(failed, err)...)
			}
			unopened += len(done.unopened)
			failed = append(failed, done.unopened[:min(len(done.unopened), listed-len(failed))]...)
		}
	}
	if unopened > len(failed) {
		failed = append(failed, fmt.Errorf("and %d more", unopened-len(failed)))
	}
	return errors.Join(failed...)
}

// again opens a value and seals it with the key that seals now.
func (s *Resealer) again(sealed []byte, associatedData string) (fresh []byte, keyID int64, err error) {
	plain, err := s.box.Open(sealed, associatedData)
	if err != nil {
		return nil, 0, fmt.Errorf("sealing %s again: %w", associatedData, err)
	}
	return seal(s.box, plain, associatedData)
}

// resealRow seals the value of the i-th row of a page, which stands there, again and has
// write store it.
func (s *Resealer) resealRow(done *page, i int, at place, value []byte, associatedData string, write func(sealed []byte, keyID int64) error) error {
	if i == resealRows-1 {
		done.last = at
	}
	sealed, keyID, err := s.again(value, associatedData)
	if err != nil {
		done.unopened = append(done.unopened, err)
		return nil
	}
	return write(sealed, keyID)
}

func (s *Resealer) resealSecrets(ctx context.Context, q *sqlc.Queries, tenantID string, older []int64, after place) (done page, err error) {
	rows, err := q.SecretsSealedBy(ctx, sqlc.SecretsSealedByParams{
		TenantID: tenantID, KeyIds: older, AfterKey: after.key, AfterVersion: after.version, MaxRows: resealRows,
	})
	for i, row := range rows {
		at := place{key: row.Key, version: row.Version}
		err := s.resealRow(&done, i, at, row.Sealed, secretData(tenantID, row.Key), func(sealed []byte, keyID int64) error {
			return q.ResealSecret(ctx, sqlc.ResealSecretParams{
				TenantID: tenantID, Key: row.Key, Version: row.Version, Sealed: sealed, KeyID: keyID,
			})
		})
		if err != nil {
			return page{}, err
		}
	}
	return done, err
}

func (s *Resealer) resealVerifiers(ctx context.Context, q *sqlc.Queries, tenantID string, older []int64, after place) (done page, err error) {
	rows, err := q.VerifiersSealedBy(ctx, sqlc.VerifiersSealedByParams{TenantID: tenantID, KeyIds: older, AfterID: after.id, MaxRows: resealRows})
	for i, row := range rows {
		err := s.resealRow(&done, i, place{id: row.ID}, row.Sealed, stateData(tenantID, row.ID.String()), func(sealed []byte, _ int64) error {
			return q.ResealVerifier(ctx, sqlc.ResealVerifierParams{TenantID: tenantID, ID: row.ID, Sealed: sealed})
		})
		if err != nil {
			return page{}, err
		}
	}
	return done, err
}

func (s *Resealer) resealGrants(ctx context.Context, q *sqlc.Queries, tenantID string, older []int64, after place) (done page, err error) {
	rows, err := q.GrantsSealedBy(ctx, sqlc.GrantsSealedByParams{TenantID: tenantID, KeyIds: older, AfterID: after.id, MaxRows: resealRows})
	for i, row := range rows {
		err := s.resealRow(&done, i, place{id: row.ID}, row.Sealed, pendingData(tenantID, row.ID.String()), func(sealed []byte, _ int64) error {
			return q.ResealGrant(ctx, sqlc.ResealGrantParams{TenantID: tenantID, ID: row.ID, Sealed: sealed})
		})
		if err != nil {
			return page{}, err
		}
	}
	return done, err
}
