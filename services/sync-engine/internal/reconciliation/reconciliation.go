// Package reconciliation hands to the reconciliation service what a person must
// decide.
package reconciliation

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	reconciliationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// patience bounds a call with its wait for a service that is away: a restart
// there must not undo what the round has done.
const patience = 2 * time.Minute

// Client pushes over gRPC.
type Client struct {
	queue reconciliationv1.ReconciliationInternalServiceClient
}

// New makes a client on a connection to the reconciliation service.
func New(conn grpc.ClientConnInterface) *Client {
	return &Client{queue: reconciliationv1.NewReconciliationInternalServiceClient(conn)}
}

// Push opens or refreshes items and returns the identities decided already.
func (c *Client) Push(ctx context.Context, items syncengine.PushedItems) ([]string, error) {
	req := &reconciliationv1.PushItemsRequest{
		RunId: items.RunID, ManagedTenantId: items.Mapping.ManagedTenantID, EntraTenantId: items.Mapping.EntraTenantID,
		ClientId: items.Mapping.ClientID, MappingRevision: items.Mapping.Revision, Items: make([]*reconciliationv1.PushedItem, len(items.Items)),
	}
	for i := range items.Items {
		req.Items[i] = itemOf(&items.Items[i])
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answer, err := c.queue.PushItems(ctx, req, grpc.WaitForReady(true))
	return answer.GetDecidedObjectIds(), err
}

// Decided returns the identities decided already.
func (c *Client) Decided(ctx context.Context, items syncengine.PushedItems) ([]string, error) {
	req := &reconciliationv1.FindDecidedItemsRequest{
		EntraTenantId: items.Mapping.EntraTenantID, ClientId: items.Mapping.ClientID, Items: make([]*reconciliationv1.PushedItem, len(items.Items)),
	}
	for i := range items.Items {
		req.Items[i] = itemOf(&items.Items[i])
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answer, err := c.queue.FindDecidedItems(ctx, req, grpc.WaitForReady(true))
	return answer.GetDecidedObjectIds(), err
}

// CompleteRound closes the directory's open items that the round did not push
// since it began.
func (c *Client) CompleteRound(ctx context.Context, round syncengine.PushedItems, since time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := c.queue.CompleteRound(ctx, &reconciliationv1.CompleteRoundRequest{
		RunId: round.RunID, ManagedTenantId: round.Mapping.ManagedTenantID, EntraTenantId: round.Mapping.EntraTenantID, Complete: true,
		Since: timestamppb.New(since),
	}, grpc.WaitForReady(true))
	return err
}

// FollowMapping closes open items of the directory that earlier revisions raised
// for another client.
func (c *Client) FollowMapping(ctx context.Context, m syncengine.MappingRevision) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := c.queue.FollowMapping(ctx, &reconciliationv1.FollowMappingRequest{
		EntraTenantId: m.EntraTenantID, ClientId: m.ClientID, MappingRevision: m.Revision,
	}, grpc.WaitForReady(true))
	return err
}

func itemOf(item *syncengine.QueueItem) *reconciliationv1.PushedItem {
	pushed := &reconciliationv1.PushedItem{
		EntraObjectId: item.ObjectID, UserPrincipalName: item.UserPrincipalName, DisplayName: item.DisplayName, Email: item.Email,
		Reason: item.Reason, Fingerprint: item.Fingerprint, Phone: item.Phone, Role: item.Role, AccountEnabled: item.Enabled,
		AssignedLicenceCount: item.Licences, UserType: item.UserType, Peers: make([]*reconciliationv1.Peer, len(item.Peers)),
		Candidates: make([]*reconciliationv1.Candidate, len(item.Candidates)),
	}
	for i, candidate := range item.Candidates {
		pushed.Candidates[i] = &reconciliationv1.Candidate{
			ContactId: candidate.ContactID, FullName: candidate.FullName, Email: candidate.Email, Inactive: candidate.Inactive,
		}
		if candidate.LinkedTo != "" {
			pushed.Candidates[i].LinkedTo = &candidate.LinkedTo
			pushed.Candidates[i].LinkedIdentity = &reconciliationv1.LinkedIdentity{State: candidate.LinkedState, UserPrincipalName: candidate.LinkedUPN}
		}
	}
	for i, peer := range item.Peers {
		pushed.Peers[i] = &reconciliationv1.Peer{
			EntraObjectId: peer.ObjectID, UserPrincipalName: peer.UserPrincipalName, DisplayName: peer.DisplayName, AccountEnabled: peer.Enabled,
			AssignedLicenceCount: peer.Licences, UserType: peer.UserType,
		}
	}
	return pushed
}
