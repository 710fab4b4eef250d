package round

import (
	"context"
	"crypto/sha256"
	_ "embed" // the statement
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

//go:embed queue.sql
var queue string

// Queue lists the identities for a person, in order, with what they may be.
func (r *Round) Queue(ctx context.Context, after, limit int) ([]syncengine.QueueItem, error) {
	if !r.plan.queues {
		return nil, nil
	}
	var items []syncengine.QueueItem
	err := r.inRange(ctx, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, queue, with(r.args(span{after: after}), "limit", limit))
		if err != nil {
			return err
		}
		items, err = pgx.CollectRows(rows, queueItem)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing queue items: %w", err)
	}
	return items, nil
}

func queueItem(row pgx.CollectableRow) (syncengine.QueueItem, error) {
	var item syncengine.QueueItem
	var addresses string
	var candidates, peers []byte
	err := row.Scan(&item.Number, &item.ObjectID, &item.UserPrincipalName, &item.DisplayName, &item.Email, &item.Reason, &addresses,
		&item.Phone, &item.Role, &item.Enabled, &item.Licences, &item.UserType, &candidates, &peers)
	if err != nil {
		return item, err
	}
	if err := json.Unmarshal(candidates, &item.Candidates); err != nil {
		return item, fmt.Errorf("reading candidates: %w", err)
	}
	if err := json.Unmarshal(peers, &item.Peers); err != nil {
		return item, fmt.Errorf("reading peers: %w", err)
	}
	item.Fingerprint = fingerprint(item.Reason, addresses, item.Candidates)
	return item, nil
}

// fingerprint changes when the reason, the candidates or the addresses do.
func fingerprint(reason, addresses string, candidates []syncengine.Candidate) string {
	var b strings.Builder
	b.WriteString(reason + "\n" + addresses + "\n")
	for _, c := range candidates {
		b.WriteString(c.ContactID + " " + c.LinkedTo + "\n")
	}
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:16])
}
