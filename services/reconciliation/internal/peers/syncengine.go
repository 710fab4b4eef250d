// Package peers calls the services that reconciliation needs.
package peers

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/rpc/wire"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/reconciliation/internal/reconciliation"
)

// callTimeout bounds a call: a person waits for the answer.
const callTimeout = 8 * time.Second

// SyncEngine links identities to contacts.
type SyncEngine struct {
	resolutions syncenginev1.ResolutionServiceClient
}

// NewSyncEngine makes a client on a connection to sync-engine, which forwards the
// caller's context.
func NewSyncEngine(conn grpc.ClientConnInterface) *SyncEngine {
	return &SyncEngine{resolutions: syncenginev1.NewResolutionServiceClient(conn)}
}

// Check implements reconciliation.Resolver.
func (s *SyncEngine) Check(ctx context.Context, item reconciliation.Item, attempt int, d reconciliation.Decision) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := s.resolutions.CheckResolution(ctx, &syncenginev1.CheckResolutionRequest{Resolution: resolution(item, attempt, d)})
	return err
}

// CheckAll implements reconciliation.Resolver.
func (s *SyncEngine) CheckAll(ctx context.Context, checks []reconciliation.Check) ([]*errs.Error, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	req := &syncenginev1.CheckResolutionsRequest{}
	for _, c := range checks {
		req.Resolutions = append(req.Resolutions, resolution(c.Item, c.Attempt, c.Decision))
	}
	answer, err := s.resolutions.CheckResolutions(ctx, req)
	if err != nil {
		return nil, err
	}
	refusals := make([]*errs.Error, len(checks))
	for i, check := range answer.GetChecks() {
		if check.Code != nil {
			refusals[i] = errs.New(kindOf(check.GetCode()), check.GetCode(), check.GetMessage())
		}
	}
	return refusals, nil
}

// kindOf is the usual kind of a reason for a refusal.
func kindOf(code string) errs.Kind {
	r, _ := reason.Of(code)
	for _, kind := range errs.Kinds() {
		if len(r.Kinds) > 0 && kind.String() == string(r.Kinds[0]) {
			return kind
		}
	}
	return errs.Conflict
}

// Resolve implements reconciliation.Resolver.
func (s *SyncEngine) Resolve(ctx context.Context, item reconciliation.Item, attempt int, d reconciliation.Decision) (contactID string, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	resolved, err := s.resolutions.ResolveIdentity(ctx, &syncenginev1.ResolveIdentityRequest{Resolution: resolution(item, attempt, d)})
	return resolved.GetContactId(), err
}

// CheckUndo implements reconciliation.Resolver.
func (s *SyncEngine) CheckUndo(ctx context.Context, item reconciliation.Item, undone reconciliation.StoredDecision, by string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := s.resolutions.CheckUndo(ctx, &syncenginev1.CheckUndoRequest{Undo: undo(item, undone, by)})
	return err
}

// Undo implements reconciliation.Resolver.
func (s *SyncEngine) Undo(ctx context.Context, item reconciliation.Item, undone reconciliation.StoredDecision, by string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := s.resolutions.UndoResolution(ctx, &syncenginev1.UndoResolutionRequest{Undo: undo(item, undone, by)})
	return err
}

func undo(item reconciliation.Item, undone reconciliation.StoredDecision, by string) *syncenginev1.Undo {
	return &syncenginev1.Undo{
		ItemId: item.ID, Attempt: int32(undone.Attempt), ManagedTenantId: item.ManagedTenantID, EntraTenantId: item.EntraTenantID,
		ClientId: item.ClientID, EntraObjectId: item.EntraObjectID, Linked: undone.Action != reconciliation.Dismiss, UndoneBy: by,
	}
}

func resolution(item reconciliation.Item, attempt int, d reconciliation.Decision) *syncenginev1.Resolution {
	return &syncenginev1.Resolution{
		ItemId: item.ID, Attempt: int32(attempt), ManagedTenantId: item.ManagedTenantID, EntraTenantId: item.EntraTenantID,
		ClientId: item.ClientID, ContactId: wire.Optional(d.ContactID), DecidedBy: d.DecidedBy,
		Identity: &syncenginev1.AmbiguousIdentity{
			EntraObjectId: item.EntraObjectID, UserPrincipalName: item.UserPrincipalName, FullName: item.DisplayName, Email: item.Email,
			Phone: item.Phone, Role: item.Role, AccountEnabled: item.Enabled,
		},
	}
}
