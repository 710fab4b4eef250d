// Package peers calls other services.
package peers

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/rpc/wire"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	"github.com/entrasync/entrasync/services/discovery/internal/discovery"
)

// detailsTimeout bounds reading one directory, its throttling included.
const detailsTimeout = 2 * time.Minute

// Connection is the connection service, which reads the MSP's partner directory and
// those of its customers.
type Connection struct {
	directory connectionv1.DirectoryServiceClient
}

// priority is that of a discovery's requests: a person started it.
const priority = "high"

// NewConnection calls the connection service on a connection whose errors are
// errs.Errors.
func NewConnection(conn grpc.ClientConnInterface) *Connection {
	return &Connection{directory: connectionv1.NewDirectoryServiceClient(conn)}
}

// ListManagedTenants streams the listing; nil once it is complete, that is,
// when the stream ended without an error.
func (p *Connection) ListManagedTenants(ctx context.Context, each func([]discovery.Listed) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the stream when each returns an error
	stream, err := p.directory.ListManagedTenants(ctx, &connectionv1.ListManagedTenantsRequest{Priority: priority})
	if err != nil {
		return err
	}
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		listed := make([]discovery.Listed, 0, len(part.GetTenants()))
		for _, t := range part.GetTenants() {
			listed = append(listed, discovery.Listed{
				EntraTenantID: t.GetEntraTenantId(), DisplayName: t.GetDisplayName(),
				PrimaryDomain: t.GetPrimaryDomain(), AccessEndsAt: wire.Time(t.GetAccessEndsAt()),
			})
		}
		if err := each(listed); err != nil {
			return err
		}
	}
}

// Details reads one managed tenant.
func (p *Connection) Details(ctx context.Context, entraTenantID string) (discovery.Details, error) {
	one, cancel := context.WithTimeout(ctx, detailsTimeout)
	defer cancel()
	resp, err := p.directory.GetTenantDetails(one, &connectionv1.GetTenantDetailsRequest{EntraTenantId: entraTenantID, Priority: priority})
	if err != nil && one.Err() != nil && ctx.Err() == nil { // this directory is slow, not the whole of them
		err = errs.Wrap(err, errs.Unavailable, reason.Unreachable, "The directory took too long to answer.",
			errs.WithMetadata(reason.ClassKey, string(reason.ClassRetry)))
	}
	if err != nil {
		return discovery.Details{}, err
	}
	details := discovery.Details{PrimaryDomain: resp.GetPrimaryDomain(), Domains: resp.GetDomains(), UserCount: resp.UserCount}
	details.Problem = problemOf(resp.GetProblem())
	return details, nil
}

// RepairConsent restores the app's consent in a managed tenant, where the
// partner can.
func (p *Connection) RepairConsent(ctx context.Context, entraTenantID, returnTo string) (discovery.Consent, error) {
	resp, err := p.directory.RepairConsent(ctx, &connectionv1.RepairConsentRequest{EntraTenantId: entraTenantID, ReturnTo: returnTo})
	if err != nil {
		return discovery.Consent{}, err
	}
	return discovery.Consent{
		Outcome: discovery.ConsentOutcome(resp.GetOutcome()), AdminURL: resp.GetAdminConsentUrl(), ExpiresAt: wire.Time(resp.GetExpiresAt()),
		Problem: problemOf(resp.GetProblem()),
	}, nil
}

func problemOf(p *connectionv1.Problem) *discovery.Problem {
	if p == nil {
		return nil
	}
	return &discovery.Problem{Code: p.GetCode(), Message: p.GetMessage(), Remedy: p.GetRemedy()}
}
