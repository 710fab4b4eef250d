// Package postgres keeps the queue in PostgreSQL.
package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/reconciliation/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/reconciliation/internal/reconciliation"
)

// Context names the schema and the roles of this service.
const Context = "reconciliation"

// Store is the queue of the tenant in the context of each call.
type Store struct{ pool *pg.Pool }

// New makes a store on a pool of the context's role.
func New(pool *pg.Pool) *Store { return &Store{pool: pool} }

// Push implements reconciliation.Pusher.
func (s *Store) Push(ctx context.Context, round reconciliation.Directory, items []reconciliation.NewItem, now time.Time) (decided []string, err error) {
	columns, err := columnsOf(items)
	if err != nil {
		return nil, err
	}
	runID, err := uuid.Parse(round.RunID)
	if err != nil {
		return nil, fmt.Errorf("reading the run id: %w", err)
	}
	err = pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		_, err := q.LockOpenItems(ctx, sqlc.LockOpenItemsParams{EntraTenantID: round.EntraTenantID, EntraObjectIds: columns.objectIDs})
		if err != nil {
			return err
		}
		decided, err = q.FindDecided(ctx, sqlc.FindDecidedParams{
			EntraTenantID: round.EntraTenantID, ClientID: round.ClientID, EntraObjectIds: columns.objectIDs, Fingerprints: columns.fingerprints,
		})
		if err != nil {
			return err
		}
		if len(decided) > 0 {
			// The facts are the same that a person decided on: nothing is left to ask.
			_, err = q.SupersedeIdentities(ctx, sqlc.SupersedeIdentitiesParams{
				Now: now, EntraTenantID: round.EntraTenantID, EntraObjectIds: decided,
			})
			if err != nil {
				return err
			}
		}
		open := columns.without(decided)
		_, err = q.UpsertOpenItems(ctx, sqlc.UpsertOpenItemsParams{
			ManagedTenantID: round.ManagedTenantID, EntraTenantID: round.EntraTenantID, ClientID: round.ClientID,
			MappingRevision: round.MappingRevision, RunID: runID, Now: now, Ids: open.ids, EntraObjectIds: open.objectIDs,
			UserPrincipalNames: open.userPrincipalNames, DisplayNames: open.displayNames, Emails: open.emails,
			Candidates: open.candidates, Reasons: open.reasons, Fingerprints: open.fingerprints,
			Phones: open.phones, Roles: open.roles, AccountEnabled: open.accountEnabled,
		})
		return err
	}, pg.Retries(3))
	return decided, err
}

// SupersedeUnseen implements reconciliation.Superseder.
func (s *Store) SupersedeUnseen(ctx context.Context, round reconciliation.Directory, since, now time.Time) (int, error) {
	runID, err := uuid.Parse(round.RunID)
	if err != nil {
		return 0, fmt.Errorf("reading the run id: %w", err)
	}
	var closed int64
	err = pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) (err error) {
		closed, err = sqlc.New(tx).SupersedeUnseen(ctx, sqlc.SupersedeUnseenParams{
			Now: now, EntraTenantID: round.EntraTenantID, RunID: runID, Since: since,
		})
		return err
	}, pg.Retries(3))
	return int(closed), err
}

// SupersedeIdentities implements reconciliation.Superseder.
func (s *Store) SupersedeIdentities(ctx context.Context, round reconciliation.Directory, objectIDs []string, now time.Time) (int, error) {
	var closed int64
	err := pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) (err error) {
		closed, err = sqlc.New(tx).SupersedeIdentities(ctx, sqlc.SupersedeIdentitiesParams{
			Now: now, EntraTenantID: round.EntraTenantID, EntraObjectIds: objectIDs,
		})
		return err
	}, pg.Retries(3))
	return int(closed), err
}

// SupersedeForeign implements reconciliation.Follower.
func (s *Store) SupersedeForeign(ctx context.Context, mapped reconciliation.Mapped, now time.Time) (int, error) {
	var closed int64
	err := pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) (err error) {
		closed, err = sqlc.New(tx).SupersedeForeign(ctx, sqlc.SupersedeForeignParams{
			Now: now, EntraTenantID: mapped.EntraTenantID, ClientID: mapped.ClientID, MappingRevision: mapped.Revision,
		})
		return err
	}, pg.Retries(3))
	return int(closed), err
}

// List implements reconciliation.Lister.
func (s *Store) List(ctx context.Context, filter reconciliation.Filter, after reconciliation.Place, limit int) (items []reconciliation.Item, err error) {
	afterID := uuid.Nil
	if after.ID != "" {
		if afterID, err = uuid.Parse(after.ID); err != nil {
			return nil, fmt.Errorf("reading a place: %w", err)
		}
	}
	err = pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := sqlc.New(tx).ListItems(ctx, sqlc.ListItemsParams{
			Status: string(filter.Status), ClientID: filter.ClientID, Reason: string(filter.Reason),
			AfterCreatedAt: after.CreatedAt, AfterID: afterID, PageSize: int32(limit),
		})
		if err != nil {
			return err
		}
		items = make([]reconciliation.Item, 0, len(rows))
		for _, row := range rows {
			item, err := itemOf(row)
			if err != nil {
				return err
			}
			items = append(items, item)
		}
		return nil
	}, pg.ReadOnly())
	return items, err
}

// Count implements reconciliation.Lister.
func (s *Store) Count(ctx context.Context, filter reconciliation.Filter) (int, error) {
	var count int64
	err := pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) (err error) {
		count, err = sqlc.New(tx).CountItems(ctx, sqlc.CountItemsParams{
			Status: string(filter.Status), ClientID: filter.ClientID, Reason: string(filter.Reason),
		})
		return err
	}, pg.ReadOnly())
	return int(count), err
}

// OpenCounts implements reconciliation.ItemReader.
func (s *Store) OpenCounts(ctx context.Context, clientID string, limit int) (counts []reconciliation.OpenCount, err error) {
	err = pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := sqlc.New(tx).CountOpenItems(ctx, sqlc.CountOpenItemsParams{ClientID: clientID, Most: int32(limit)})
		if err != nil {
			return err
		}
		counts = make([]reconciliation.OpenCount, 0, len(rows))
		for _, row := range rows {
			counts = append(counts, reconciliation.OpenCount{ClientID: row.ClientID, Reason: reconciliation.Reason(row.Reason), Open: int(row.Open)})
		}
		return nil
	}, pg.ReadOnly())
	return counts, err
}

func itemOf(row sqlc.ListItemsRow) (reconciliation.Item, error) {
	candidates, err := decodeCandidates(row.Candidates)
	if err != nil {
		return reconciliation.Item{}, err
	}
	item := reconciliation.Item{
		ID: row.ID.String(), ManagedTenantID: row.ManagedTenantID, EntraTenantID: row.EntraTenantID, ClientID: row.ClientID,
		Sighting: reconciliation.Sighting{
			EntraObjectID: row.EntraObjectID, UserPrincipalName: row.UserPrincipalName, DisplayName: row.DisplayName,
			Email: row.Email, Phone: row.Phone, Role: row.Role, AccountEnabled: row.AccountEnabled, Reason: reconciliation.Reason(row.Reason), Candidates: candidates, Fingerprint: row.Fingerprint,
		},
		Status: reconciliation.Status(row.Status), CreatedAt: row.CreatedAt, LastSeenAt: row.LastSeenAt,
	}
	if row.DecidedBy != nil {
		item.DecidedBy = *row.DecidedBy
	}
	if row.DecidedAt != nil {
		item.DecidedAt = *row.DecidedAt
	}
	return item, nil
}

// candidateJSON is a candidate as the column holds it.
type candidateJSON struct {
	ContactID string `json:"contactId"`
	FullName  string `json:"fullName"`
	Email     string `json:"email"`
	Inactive  bool   `json:"inactive"`
	LinkedTo  string `json:"linkedTo,omitempty"`
}

func encodeCandidates(candidates []reconciliation.Candidate) ([]byte, error) {
	stored := make([]candidateJSON, 0, len(candidates))
	for _, c := range candidates {
		stored = append(stored, candidateJSON(c))
	}
	encoded, err := json.Marshal(stored)
	if err != nil {
		return nil, fmt.Errorf("encoding candidates: %w", err)
	}
	return encoded, nil
}

func decodeCandidates(encoded []byte) ([]reconciliation.Candidate, error) {
	var stored []candidateJSON
	if err := json.Unmarshal(encoded, &stored); err != nil {
		return nil, fmt.Errorf("decoding candidates: %w", err)
	}
	candidates := make([]reconciliation.Candidate, 0, len(stored))
	for _, c := range stored {
		candidates = append(candidates, reconciliation.Candidate(c))
	}
	return candidates, nil
}
