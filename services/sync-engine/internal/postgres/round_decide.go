package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// Decide plans the whole round against the state before it. The head's revision
// is read first: what changes after shows as a revision that moved.
func (r *Round) Decide(ctx context.Context, rules syncengine.Rules, complete bool) (syncengine.Decision, error) {
	var d syncengine.Decision
	err := r.in(ctx, decideTimeout, func(ctx context.Context, tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, sqlHead, r.clientID).Scan(&r.revision); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, sqlFreeLinks, r.tenant.EntraTenantID, r.relinkClient()).Scan(&r.takes, &r.relinks); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlDecideAddresses, r.tenant.EntraTenantID, r.relinkClient()); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlDecideDuplicates); err != nil {
			return err
		}
		if err := r.decideRange(ctx, tx, rules, 0, everything); err != nil {
			return err
		}
		if complete {
			if _, err := tx.Exec(ctx, sqlDecideGoneIndex); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, sqlDecideGone, r.tenant.EntraTenantID, r.clientID, rules.Settings.MarkInactiveWhenDisabled); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, sqlDecideIndexes); err != nil {
			return err
		}
		var err error
		d, _, err = planned(ctx, tx, 0, everything)
		return err
	})
	if err != nil {
		return syncengine.Decision{}, fmt.Errorf("deciding: %w", err)
	}
	return d, nil
}

// relinkClient is the client whose links to be relinked count as none. Before the
// links follow the round's mapping, which only a dry run does not have them do,
// what was decided is void.
func (r *Round) relinkClient() uuid.UUID {
	if !r.follows {
		return uuid.Nil
	}
	return r.clientID
}

// decideRange plans the staged identities with after < n ≤ upTo.
func (r *Round) decideRange(ctx context.Context, tx pgx.Tx, rules syncengine.Rules, after, upTo int) error {
	s := rules.Settings
	if _, err := tx.Exec(ctx, sqlDecideLinked, r.tenant.EntraTenantID, r.clientID, after, upTo, s.MarkInactiveWhenDisabled,
		s.FieldDisplayName, s.FieldEmail, s.FieldPhone, s.FieldRole, s.FieldUPN); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, sqlDecideUnlinked, r.tenant.EntraTenantID, r.clientID, after, upTo, s.AllowSameEmailAcrossClients, r.relinkClient())
	return err
}

// planned counts the plan's rows with after < n ≤ upTo: what they come to, and
// how many there are of each action.
func planned(ctx context.Context, tx pgx.Tx, after, upTo int) (d syncengine.Decision, actions map[string]int, err error) {
	d.Queue, actions = map[string]int{}, map[string]int{}
	rows, err := tx.Query(ctx, sqlPlanned, after, upTo)
	if err != nil {
		return d, nil, err
	}
	var action, reason string
	var visible, all int
	_, err = pgx.ForEachRow(rows, []any{&action, &reason, &visible, &all}, func() error {
		actions[action] += all
		switch action {
		case "create":
			d.Planned.Created += visible
		case "link":
			d.Planned.Linked += visible
		case "update", "resume":
			d.Planned.Updated += visible
		case "reactivate":
			d.Planned.Reactivated += visible
		case "inactivate":
			d.Planned.Inactivated += visible
			if reason == "deleted_upstream" {
				d.Planned.InactivatedGone += visible
			}
		case "queue":
			d.Queue[reason] += all
		}
		return nil
	})
	return d, actions, err
}

// Hold takes the inactivations out of the plan.
func (r *Round) Hold(ctx context.Context, record bool) (syncengine.Held, error) {
	held := syncengine.Held{Reason: syncengine.HeldMassInactivation}
	err := r.in(ctx, decideTimeout, func(ctx context.Context, tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, sqlHoldDigest).Scan(&held.Count, &held.Digest); err != nil {
			return err
		}
		if record {
			if _, err := tx.Exec(ctx, sqlHoldClear, r.runID, r.tenant.ManagedTenantID); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, sqlHoldRecord, r.tenantID, r.runID, r.tenant.ManagedTenantID); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, sqlHoldPlan)
		return err
	})
	if err != nil {
		return syncengine.Held{}, fmt.Errorf("holding inactivations back: %w", err)
	}
	r.held = true
	return held, nil
}
