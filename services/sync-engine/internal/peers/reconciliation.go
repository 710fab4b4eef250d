package peers

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	reconciliationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// queueTimeout bounds a call to the queue, with its wait for a service that is away.
const queueTimeout = 2 * time.Minute

// Reconciliation hands to the reconciliation service what a person must decide, and asks
// what it stores about a person.
type Reconciliation struct {
	queue  reconciliationv1.ReconciliationInternalServiceClient
	people reconciliationv1.PersonInternalServiceClient
}

// NewReconciliation makes a client on a connection to the reconciliation service.
func NewReconciliation(conn grpc.ClientConnInterface) *Reconciliation {
	return &Reconciliation{
		queue:  reconciliationv1.NewReconciliationInternalServiceClient(conn),
		people: reconciliationv1.NewPersonInternalServiceClient(conn),
	}
}

// Push opens or refreshes items and returns the identities decided already.
func (r *Reconciliation) Push(ctx context.Context, items syncengine.PushedItems) ([]string, error) {
	req := &reconciliationv1.PushItemsRequest{
		RunId: items.RunID, ManagedTenantId: items.Mapping.ManagedTenantID, EntraTenantId: items.Mapping.EntraTenantID,
		ClientId: items.Mapping.ClientID, MappingRevision: items.Mapping.Revision, Since: timestamppb.New(items.Since),
		Items: make([]*reconciliationv1.PushedItem, len(items.Items)),
	}
	for i := range items.Items {
		req.Items[i] = itemOf(&items.Items[i])
	}
	ctx, cancel := context.WithTimeout(ctx, queueTimeout)
	defer cancel()
	answer, err := r.queue.PushItems(ctx, req, grpc.WaitForReady(true))
	return answer.GetDecidedObjectIds(), err
}

// Decided returns the identities decided already.
func (r *Reconciliation) Decided(ctx context.Context, items syncengine.PushedItems) ([]string, error) {
	req := &reconciliationv1.FindDecidedItemsRequest{
		EntraTenantId: items.Mapping.EntraTenantID, ClientId: items.Mapping.ClientID, Since: timestamppb.New(items.Since),
		Items: make([]*reconciliationv1.PushedItem, len(items.Items)),
	}
	for i := range items.Items {
		req.Items[i] = itemOf(&items.Items[i])
	}
	ctx, cancel := context.WithTimeout(ctx, queueTimeout)
	defer cancel()
	answer, err := r.queue.FindDecidedItems(ctx, req, grpc.WaitForReady(true))
	return answer.GetDecidedObjectIds(), err
}

// CompleteRound closes the directory's open items that the round did not push
// since it began.
func (r *Reconciliation) CompleteRound(ctx context.Context, round syncengine.PushedItems) error {
	ctx, cancel := context.WithTimeout(ctx, queueTimeout)
	defer cancel()
	_, err := r.queue.CompleteRound(ctx, &reconciliationv1.CompleteRoundRequest{
		RunId: round.RunID, ManagedTenantId: round.Mapping.ManagedTenantID, EntraTenantId: round.Mapping.EntraTenantID, Complete: true,
		Since: timestamppb.New(round.Since),
	}, grpc.WaitForReady(true))
	return err
}

// CloseItemsOfOldClient implements syncengine.RevisionQueue.
func (r *Reconciliation) CloseItemsOfOldClient(ctx context.Context, m syncengine.MappingRevision) error {
	ctx, cancel := context.WithTimeout(ctx, queueTimeout)
	defer cancel()
	_, err := r.queue.FollowMapping(ctx, &reconciliationv1.FollowMappingRequest{
		EntraTenantId: m.EntraTenantID, ClientId: m.ClientID, MappingRevision: m.Revision,
	}, grpc.WaitForReady(true))
	return err
}

// sourcePrefix names the service before a table of its own.
const sourcePrefix = "reconciliation."

// PersonRecords implements syncengine.PersonQueue.
func (r *Reconciliation) PersonRecords(ctx context.Context, p *syncengine.Person) ([]syncengine.PersonRecord, error) {
	answer, err := r.people.ExportQueuedPerson(ctx, &reconciliationv1.ExportQueuedPersonRequest{Person: personOf(p)})
	records := make([]syncengine.PersonRecord, len(answer.GetRecords()))
	for i, record := range answer.GetRecords() {
		records[i] = syncengine.PersonRecord{Source: sourcePrefix + record.GetTable(), JSON: []byte(record.GetJson())}
	}
	return records, err
}

// ErasePerson implements syncengine.PersonQueue.
func (r *Reconciliation) ErasePerson(ctx context.Context, p *syncengine.Person) (map[string]int, error) {
	ctx, cancel := context.WithTimeout(ctx, queueTimeout)
	defer cancel()
	answer, err := r.people.EraseQueuedPerson(ctx, &reconciliationv1.EraseQueuedPersonRequest{Person: personOf(p)})
	erased := map[string]int{}
	for table, n := range answer.GetErased() {
		erased[sourcePrefix+table] = int(n)
	}
	return erased, err
}

func personOf(p *syncengine.Person) *reconciliationv1.Person {
	contacts, objects, texts := p.Keys()
	return &reconciliationv1.Person{ContactIds: contacts, EntraObjectIds: objects, Texts: texts}
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
