// Package activity holds the activities: each is a call of a service, or the few that belong
// together, on behalf of the tenant and the run in its input.
package activity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	discoveryv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/discovery/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
	"github.com/entrasync/entrasync/services/worker/internal/workflow"
)

// Pace says how long activities wait; a zero field takes its default.
type Pace struct {
	Beat          time.Duration // between heartbeats; 5 s
	Stall         time.Duration // without progress before a try is given up; 30 min, longer than any statement of a round may take
	UpstreamFirst time.Duration // after the first upstream error; 5 s, doubled for each further one
	UpstreamMost  time.Duration // 2 min
	UpstreamTries int           // tries in all when upstream fails; 5
	OwnFirst      time.Duration // after an outage of our own services; 1 s, doubled each time
	OwnMost       time.Duration // 30 s
	Busy          time.Duration // while another round holds the directory, when it does not say; 5 s
	Quick         time.Duration // how long a managed tenant may hold up others in one activity; 20 s
}

func (p Pace) orDefaults() Pace {
	for _, d := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{
		{&p.Beat, 5 * time.Second},
		{&p.Stall, 30 * time.Minute},
		{&p.UpstreamFirst, 5 * time.Second},
		{&p.UpstreamMost, 2 * time.Minute},
		{&p.OwnFirst, time.Second},
		{&p.OwnMost, 30 * time.Second},
		{&p.Busy, 5 * time.Second},
		{&p.Quick, 20 * time.Second},
	} {
		if *d.value <= 0 {
			*d.value = d.fallback
		}
	}
	if p.UpstreamTries <= 0 {
		p.UpstreamTries = 5
	}
	return p
}

// Clients are the services that activities call; each signs the call's tenant and actor.
type Clients struct {
	Engine    syncenginev1.SyncEngineInternalServiceClient
	Tickets   syncenginev1.TicketInternalServiceClient
	Discovery discoveryv1.DiscoveryInternalServiceClient
}

// Activities do what workflows ask for. Anyone with access to the orchestrator can start them: each
// call about a run carries the run's ticket, which the engine verifies.
type Activities struct {
	engine    syncenginev1.SyncEngineInternalServiceClient
	tickets   syncenginev1.TicketInternalServiceClient
	discovery discoveryv1.DiscoveryInternalServiceClient
	start     *orchestration.Start
	pace      Pace
}

// New returns activities on clients of the services, and on the use case that starts runs.
func New(clients Clients, start *orchestration.Start, pace Pace) *Activities {
	return &Activities{
		engine: clients.Engine, tickets: clients.Tickets, discovery: clients.Discovery, start: start, pace: pace.orDefaults(),
	}
}

// UpsertRun marks the run as running and lets the engine record what it covers (BeginRun). The
// name of the activity is in the histories of workflows under way, so that it cannot be renamed.
func (a *Activities) UpsertRun(ctx context.Context, in workflow.RunRef) (out workflow.UpsertRunOutput, err error) {
	err = a.attempt(ctx, in, func(ctx context.Context, _ *tracker) error {
		res, err := a.engine.BeginRun(ctx, &syncenginev1.BeginRunRequest{RunId: in.RunID, Ticket: in.Ticket})
		out = workflow.UpsertRunOutput{State: res.GetState(), Total: int(res.GetTotalTenants())}
		return err
	})
	return out, err
}

// LoadMappedTenants gives a page of the run's managed tenants that have no result yet.
func (a *Activities) LoadMappedTenants(ctx context.Context, in workflow.LoadMappedTenantsInput) (out workflow.LoadMappedTenantsOutput, err error) {
	err = a.attempt(ctx, in.RunRef, func(ctx context.Context, _ *tracker) error {
		res, err := a.engine.ListRunTenants(ctx, &syncenginev1.ListRunTenantsRequest{
			RunId: in.RunID, Ticket: in.Ticket, PageSize: int32(in.PageSize), PageToken: in.PageToken,
		})
		if err != nil {
			return err
		}
		out = workflow.LoadMappedTenantsOutput{NextPageToken: res.GetNextPageToken()}
		for _, group := range res.GetGroups() {
			out.Groups = append(out.Groups, workflow.Group{
				ClientID: group.GetClientId(), ManagedTenantIDs: group.GetManagedTenantIds(), Quick: group.GetQuick(),
			})
		}
		return nil
	})
	return out, err
}

// SyncTenantUsers does one round for one managed tenant. The engine records the result.
func (a *Activities) SyncTenantUsers(ctx context.Context, in workflow.SyncTenantUsersInput) (out workflow.SyncTenantUsersOutput, err error) {
	err = a.attempt(ctx, in.RunRef, func(ctx context.Context, t *tracker) error {
		t.met(in.Upstream)
		out, err = a.round(ctx, t, in.RunRef, in.ManagedTenantID, func() {})
		return err
	})
	return out, err
}

// round does one round; begun is called whenever the engine reports its phase.
func (a *Activities) round(ctx context.Context, t *tracker, ref workflow.RunRef, managedTenantID string, begun func()) (out workflow.SyncTenantUsersOutput, err error) {
	stream, err := a.engine.SyncTenantUsers(ctx, &syncenginev1.SyncTenantUsersRequest{RunId: ref.RunID, Ticket: ref.Ticket, ManagedTenantId: managedTenantID})
	if err != nil {
		return out, err
	}
	err = follow(stream.Recv, func(res *syncenginev1.SyncTenantUsersResponse) bool {
		t.record(res.GetPhase(), int(res.GetStaged()), int(res.GetApplied()+res.GetPhaseDone()))
		if res.GetPhase() != "" {
			begun()
		}
		if res.GetOutcome() == nil {
			return false
		}
		out = workflow.SyncTenantUsersOutput{State: res.GetOutcome().GetState(), Counters: toCounters(res.GetOutcome().GetCounters())}
		return true
	})
	return out, err
}

// DiscoverTenants reads the partner's managed tenants; the run's id is the discovery's. Discovery
// does not know tickets, so the engine verifies the ticket first.
func (a *Activities) DiscoverTenants(ctx context.Context, in workflow.RunRef) (out workflow.DiscoverTenantsOutput, err error) {
	err = a.attempt(ctx, in, func(ctx context.Context, t *tracker) error {
		_, err := a.tickets.CheckTicket(ctx, &syncenginev1.CheckTicketRequest{RunId: in.RunID, Type: string(orchestration.Discovery), Ticket: in.Ticket})
		if err != nil {
			return err
		}
		stream, err := a.discovery.RunDiscovery(ctx, &discoveryv1.RunDiscoveryRequest{OperationId: in.RunID})
		if err != nil {
			return err
		}
		return follow(stream.Recv, func(res *discoveryv1.RunDiscoveryResponse) bool {
			t.record("reading", int(res.GetTenantsSeen()), int(res.GetTenantsRead()))
			if res.GetResult() == nil {
				return false
			}
			out = workflow.DiscoverTenantsOutput{
				Discovered: int(res.GetResult().GetDiscoveredTenantCount()),
				Unreadable: int(res.GetResult().GetUnreadableCount()),
				Gone:       int(res.GetResult().GetGoneCount()),
			}
			return true
		})
	})
	return out, err
}

// RecordTenantResult records that a managed tenant's round could not be done.
func (a *Activities) RecordTenantResult(ctx context.Context, in workflow.RecordTenantResultInput) error {
	return a.attempt(ctx, in.RunRef, func(ctx context.Context, _ *tracker) error {
		_, err := a.engine.RecordTenantResult(ctx, &syncenginev1.RecordTenantResultRequest{
			RunId: in.RunID, Ticket: in.Ticket, ManagedTenantId: in.ManagedTenantID, State: in.State, Error: toProblem(in.Code),
		})
		return err
	})
}

// FinaliseRun closes the run.
func (a *Activities) FinaliseRun(ctx context.Context, in workflow.FinaliseRunInput) (out workflow.FinaliseRunOutput, err error) {
	err = a.attempt(ctx, in.RunRef, func(ctx context.Context, _ *tracker) error {
		req := &syncenginev1.FinaliseRunRequest{RunId: in.RunID, Ticket: in.Ticket, State: in.State}
		if in.Code != "" {
			req.Error = toProblem(in.Code)
		}
		if in.Discovered != nil {
			discovered := int32(*in.Discovered)
			req.DiscoveredTenants = &discovered
		}
		res, err := a.engine.FinaliseRun(ctx, req)
		out = workflow.FinaliseRunOutput{State: res.GetState(), Counters: toCounters(res.GetCounters())}
		return err
	})
	return out, err
}

// errNoResult is the error of a stream that ended without its last message: the service that
// served it shut down in order.
var errNoResult = errors.New("the stream ended without a result")

// follow reads a stream to its end. Take reports whether a message was the result.
func follow[M any](recv func() (M, error), take func(M) bool) error {
	done := false
	for {
		message, err := recv()
		switch {
		case errors.Is(err, io.EOF) && done:
			return nil
		case errors.Is(err, io.EOF):
			return errNoResult
		case err != nil:
			return fmt.Errorf("following the stream: %w", err)
		}
		done = take(message) || done
	}
}

func toCounters(c *syncenginev1.Counters) workflow.Counters {
	return workflow.Counters{
		Created: int(c.GetCreated()), Linked: int(c.GetLinked()), Updated: int(c.GetUpdated()), Unchanged: int(c.GetUnchanged()),
		Ambiguous: int(c.GetAmbiguous()), Inactivated: int(c.GetInactivated()), Reactivated: int(c.GetReactivated()),
		Filtered: int(c.GetFiltered()), Failed: int(c.GetFailed()),
	}
}

func toProblem(code string) *syncenginev1.RunProblem {
	p := orchestration.ProblemOf(code)
	return &syncenginev1.RunProblem{Code: p.Code, Message: p.Message, Remedy: p.Remedy}
}
