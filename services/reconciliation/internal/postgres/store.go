// Package postgres keeps the queue in PostgreSQL.
package postgres

import (
	"context"
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
func (s *Store) Push(ctx context.Context, round reconciliation.Round, items []reconciliation.NewItem, now time.Time) (decided []string, err error) {
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
			EntraTenantID: round.EntraTenantID, ClientID: round.ClientID, Since: round.Since, EntraObjectIds: columns.objectIDs,
			Fingerprints: columns.fingerprints,
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
			LicenceCounts: open.licenceCounts, UserTypes: open.userTypes, Peers: open.peers, Searches: open.searches,
			Suggestions: open.suggestions, SuggestedContacts: open.suggestedContacts, SuggestedFor: open.suggestedFor,
		})
		return err
	}, pg.Retries(3))
	return decided, err
}

// SupersedeUnseen implements reconciliation.Superseder.
func (s *Store) SupersedeUnseen(ctx context.Context, round reconciliation.Round, since, now time.Time) (int, error) {
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

// SupersedeForeign implements reconciliation.ForeignSuperseder.
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
func (s *Store) List(
	ctx context.Context, filter reconciliation.Filter, after reconciliation.Place, limit int,
) (items []reconciliation.DecidedItem, err error) {
	afterID := uuid.Nil
	if after.ID != "" {
		if afterID, err = uuid.Parse(after.ID); err != nil {
			return nil, fmt.Errorf("reading a place: %w", err)
		}
	}
	search := filter.Search()
	err = pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		rows, err := q.ListItems(ctx, sqlc.ListItemsParams{
			Status: string(filter.Status), ClientID: filter.ClientID, ManagedTenantID: filter.ManagedTenantID, Reason: string(filter.Reason),
			Suggestion: string(filter.Suggestion), Address: search.Address, Words: search.Words, AfterCreatedAt: after.CreatedAt, AfterID: afterID, PageSize: int32(limit),
		})
		if err != nil {
			return err
		}
		items, err = decided(ctx, q, rows)
		return err
	}, pg.ReadOnly())
	return items, err
}

// Count implements reconciliation.Lister and OpenCounter.
func (s *Store) Count(ctx context.Context, filter reconciliation.Filter, most int) (int, error) {
	var count int64
	search := filter.Search()
	err := pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) (err error) {
		count, err = sqlc.New(tx).CountItems(ctx, sqlc.CountItemsParams{
			Status: string(filter.Status), ClientID: filter.ClientID, ManagedTenantID: filter.ManagedTenantID, Reason: string(filter.Reason),
			Suggestion: string(filter.Suggestion), Address: search.Address, Words: search.Words, Most: int32(most),
		})
		return err
	}, pg.ReadOnly())
	return int(count), err
}

// OpenCounts implements reconciliation.ReasonCounter.
func (s *Store) OpenCounts(ctx context.Context, filter reconciliation.Filter, limit int) (counts reconciliation.Counts, err error) {
	search := filter.Search()
	err = pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		byReason, err := q.CountOpenItems(ctx, sqlc.CountOpenItemsParams{
			ClientID: filter.ClientID, ManagedTenantID: filter.ManagedTenantID, Address: search.Address, Words: search.Words, Most: int32(limit),
		})
		if err != nil {
			return err
		}
		bySuggestion, err := q.CountSuggestions(ctx, sqlc.CountSuggestionsParams{
			ClientID: filter.ClientID, ManagedTenantID: filter.ManagedTenantID, Address: search.Address, Words: search.Words,
		})
		if err != nil {
			return err
		}
		counts = reconciliation.Counts{}
		for _, row := range byReason {
			counts.ByReason = append(counts.ByReason, reconciliation.OpenCount{
				ClientID: row.ClientID, Reason: reconciliation.Reason(row.Reason), Open: int(row.Open),
			})
		}
		for _, row := range bySuggestion {
			counts.BySuggestion = append(counts.BySuggestion, reconciliation.SuggestionCount{
				Suggestion: reconciliation.Action(row.Suggestion), Open: int(row.Open),
			})
		}
		return nil
	}, pg.ReadOnly())
	return counts, err
}
