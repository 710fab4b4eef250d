package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/entrasync/entrasync/pkg/outbox"
	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/effectkind"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/round"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres/sqlc"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// HeldDecision implements syncengine.HeldStore.
func (s *Store) HeldDecision(ctx context.Context, runID, managedTenantID string) (decision syncengine.HeldDecision, decided bool, err error) {
	run, err := parse(runID, syncengine.ErrUnknownRun)
	if err != nil {
		return decision, false, err
	}
	err = s.in(ctx, func(ctx context.Context, q *sqlc.Queries, _ string) error {
		row, err := q.GetHeldDecision(ctx, sqlc.GetHeldDecisionParams{RunID: run, ManagedTenantID: managedTenantID})
		if pg.NoRows(err) {
			return nil
		}
		decided = err == nil
		decision = syncengine.HeldDecision{
			RunID: runID, ManagedTenantID: managedTenantID, Decision: row.Decision, DecidedBy: row.DecidedBy, DecidedAt: row.DecidedAt,
			StartedRunID: pg.ID(row.StartedRunID),
		}
		return err
	}, pg.ReadOnly())
	return decision, decided, err
}

// RejectHeld implements syncengine.HeldStore.
func (s *Store) RejectHeld(ctx context.Context, decision syncengine.HeldDecision, managed syncengine.ManagedTenant) error {
	return s.in(ctx, func(ctx context.Context, q *sqlc.Queries, tenantID string) error {
		run, err := insertHeldDecision(ctx, q, tenantID, decision, managed, nil)
		if err != nil {
			return err
		}
		return q.RejectInactivations(ctx, sqlc.RejectInactivationsParams{
			EntraTenantID: managed.EntraTenantID, RunID: run, ManagedTenantID: managed.ManagedTenantID,
		})
	})
}

// ApproveHeld implements syncengine.HeldStore.
func (s *Store) ApproveHeld(ctx context.Context, decision syncengine.HeldDecision, managed syncengine.ManagedTenant, start syncengine.Run) error {
	call, err := tenant.From(ctx)
	if err != nil {
		return err
	}
	params, err := approvalRun(call.Tenant.String(), start)
	if err != nil {
		return err
	}
	return pg.InTenant(ctx, s.pool, func(ctx context.Context, tx pgx.Tx) error {
		q := sqlc.New(tx)
		inserted, err := q.InsertRun(ctx, params)
		if err != nil {
			return err
		}
		if inserted == 0 {
			return syncengine.ErrApprovalRunning
		}
		run, err := insertHeldDecision(ctx, q, params.TenantID, decision, managed, &params.ID)
		if err != nil {
			return err
		}
		if start.Approves.Reason == syncengine.HeldMassInactivation {
			err = q.EndRejections(ctx, sqlc.EndRejectionsParams{EntraTenantID: managed.EntraTenantID, RunID: run, ManagedTenantID: managed.ManagedTenantID})
		} else {
			err = approveListing(ctx, q, sqlc.ApproveListingParams{
				TenantID: params.TenantID, EntraTenantID: managed.EntraTenantID, RunID: run, ApprovedBy: decision.DecidedBy, ApprovedAt: decision.DecidedAt,
			})
		}
		if err != nil {
			return err
		}
		return outbox.Add(ctx, tx, outbox.Effect{
			ID: start.ID, ActorID: call.Actor.ID, Kind: effectkind.RunCreated, CreatedAt: start.CreatedAt,
			Arguments: map[string]string{"type": string(start.Type), "client_id": start.ClientID},
		})
	})
}

// approveListing records that a directory's listing may be as it was, whoever is not in it.
func approveListing(ctx context.Context, q *sqlc.Queries, approved sqlc.ApproveListingParams) error {
	if err := q.ApproveListing(ctx, approved); err != nil {
		return err
	}
	return q.EndAllRejections(ctx, approved.EntraTenantID)
}

// approvalRun is the run of an approval as it is inserted.
func approvalRun(tenantID string, start syncengine.Run) (p sqlc.InsertRunParams, err error) {
	p = sqlc.InsertRunParams{
		TenantID: tenantID, Type: string(start.Type), Scope: start.ClientID + ":" + start.Approves.ManagedTenantID, Trigger: start.Trigger,
		WorkflowID: start.WorkflowID, InitiatedBy: start.InitiatedBy, CreatedAt: start.CreatedAt,
		ManagedTenantID: &start.Approves.ManagedTenantID, ApprovesReason: &start.Approves.Reason,
	}
	if p.ID, err = parse(start.ID, syncengine.ErrUnknownRun); err != nil {
		return p, err
	}
	client, err := parse(start.ClientID, round.ErrUnknownClient)
	if err != nil {
		return p, err
	}
	approves, err := parse(start.Approves.RunID, syncengine.ErrUnknownRun)
	p.ClientID, p.ApprovesRunID = &client, &approves
	return p, err
}

func insertHeldDecision(
	ctx context.Context, q *sqlc.Queries, tenantID string, d syncengine.HeldDecision, managed syncengine.ManagedTenant, started *uuid.UUID,
) (run uuid.UUID, err error) {
	if run, err = parse(d.RunID, syncengine.ErrUnknownRun); err != nil {
		return run, err
	}
	inserted, err := q.InsertHeldDecision(ctx, sqlc.InsertHeldDecisionParams{
		TenantID: tenantID, RunID: run, ManagedTenantID: managed.ManagedTenantID, EntraTenantID: managed.EntraTenantID, Decision: d.Decision,
		DecidedBy: d.DecidedBy, DecidedAt: d.DecidedAt, StartedRunID: started,
	})
	if err == nil && inserted == 0 {
		err = syncengine.ErrHeldDecided
	}
	return run, err
}

// addDecisions adds to what guards held back what persons decided about it.
func addDecisions(ctx context.Context, q *sqlc.Queries, run uuid.UUID, tenants []syncengine.ManagedTenant) error {
	held := map[string]*syncengine.Held{}
	var ids []string
	for i := range tenants {
		if tenants[i].Held != nil {
			held[tenants[i].ManagedTenantID] = tenants[i].Held
			ids = append(ids, tenants[i].ManagedTenantID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	rows, err := q.ListHeldDecisions(ctx, sqlc.ListHeldDecisionsParams{RunID: run, ManagedTenantIds: ids})
	for _, row := range rows {
		held[row.ManagedTenantID].Decision = &syncengine.HeldDecision{
			RunID: run.String(), ManagedTenantID: row.ManagedTenantID, Decision: row.Decision, DecidedBy: row.DecidedBy, DecidedAt: row.DecidedAt,
			StartedRunID: pg.ID(row.StartedRunID),
		}
	}
	return err
}
