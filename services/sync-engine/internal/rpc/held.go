package rpc

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/entrasync/entrasync/pkg/tenant"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

func (s *reportServer) DecideHeld(ctx context.Context, req *syncenginev1.DecideHeldRequest) (*syncenginev1.DecideHeldResponse, error) {
	call, err := tenant.From(ctx)
	if err != nil {
		return nil, err
	}
	decided, started, err := s.cases.Held.Do(ctx, syncengine.Deciding{
		Actor: call.Actor.ID, RunID: req.GetRunId(), ManagedTenantID: req.GetManagedTenantId(),
		Decision: req.GetDecision(), Digest: req.GetDigest(),
	})
	if err != nil {
		return nil, err
	}
	answer := &syncenginev1.DecideHeldResponse{
		Decision: decided.Decision, DecidedBy: decided.DecidedBy, DecidedAt: timestamppb.New(decided.DecidedAt),
	}
	if started != nil {
		answer.Run = &syncenginev1.HeldRun{RunId: started.ID, WorkflowId: started.WorkflowID, State: string(started.State)}
	}
	return answer, nil
}

func heldMessage(h *syncengine.Held) *syncenginev1.Held {
	if h == nil {
		return nil
	}
	m := &syncenginev1.Held{Reason: h.Reason, Count: count(h.Count), Digest: h.Digest}
	if d := h.Decision; d != nil {
		m.Decision, m.DecidedBy, m.DecidedAt, m.StartedRunId = &d.Decision, &d.DecidedBy, timestamppb.New(d.DecidedAt), orAbsent(d.StartedRunID)
	}
	return m
}
