package postgres

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// effectsKept is how long it is known that an effect was written. It is longer than an outbox tries.
const effectsKept = 60 * 24 * time.Hour

// AppendFeed implements syncengine.AppendStore.
func (s *Store) AppendFeed(ctx context.Context, effectID string, entries []syncengine.AppendedEntry, now time.Time) error {
	id, err := parse(effectID, errMalformedID)
	if err != nil || len(entries) == 0 {
		return err
	}
	var p sqlc.InsertAppendedChangesParams
	for i := range entries {
		if err := addAppended(&p, &entries[i]); err != nil {
			return err
		}
	}
	return s.in(ctx, func(ctx context.Context, q *sqlc.Queries, tenantID string) error {
		fresh, err := q.InsertFeedEffect(ctx, sqlc.InsertFeedEffectParams{TenantID: tenantID, EffectID: id, Now: now})
		if err != nil || fresh == 0 {
			return err
		}
		if err := q.ForgetFeedEffects(ctx, now.Add(-effectsKept)); err != nil {
			return err
		}
		last, err := q.AdvanceFeed(ctx, sqlc.AdvanceFeedParams{TenantID: tenantID, Count: int64(len(entries)), Now: now})
		if err != nil {
			return err
		}
		p.TenantID, p.FirstSeq, p.At = tenantID, last.Seq-int64(len(entries))+1, last.At
		return q.InsertAppendedChanges(ctx, p)
	}, pg.StatementTimeout(s.timeouts.Range), pg.Retries(batchTries))
}

// addAppended adds an entry to the columns, as unnest takes them; an empty text is none.
func addAppended(p *sqlc.InsertAppendedChangesParams, e *syncengine.AppendedEntry) error {
	client, err := uuid.Parse(e.ClientID)
	if err != nil {
		return errMalformedID
	}
	var clients, items []byte
	if e.Client != nil {
		clients, err = json.Marshal(e.Client)
	} else {
		items, err = json.Marshal(e.Item)
	}
	if err != nil {
		return err
	}
	p.Types, p.Sources, p.ClientIds = append(p.Types, e.Type), append(p.Sources, e.Source), append(p.ClientIds, client)
	p.Clients, p.Items = append(p.Clients, string(clients)), append(p.Items, string(items))
	p.Fields, p.RunIds = append(p.Fields, strings.Join(e.Fields, ",")), append(p.RunIds, e.RunID)
	return nil
}
