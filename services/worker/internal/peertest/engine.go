// Package peertest serves the contracts that the worker calls from memory, over real transports,
// for tests.
package peertest

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
	"github.com/entrasync/entrasync/pkg/tenant"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

// Round is what a fake round does: it may send progress, wait for ctx and fail.
type Round func(ctx context.Context, try int, send func(phase string)) (*syncenginev1.TenantOutcome, error)

// run is a run in memory.
type run struct {
	id, tenant, kind, client, workflowID, trigger string

	dry     bool
	created time.Time
	state   string
	problem *syncenginev1.RunProblem
	found   *int32
	results map[string]*Result
}

// Result is what was recorded for a managed tenant.
type Result struct {
	State string
	Code  string
}

// Engine is a sync engine without a database.
type Engine struct {
	syncenginev1.UnimplementedSyncEngineInternalServiceServer

	mu      sync.Mutex
	groups  []*syncenginev1.ClientTenants
	round   Round
	runs    []*run
	tries   map[string]int
	active  map[string]int // rounds under way, by client
	most    int            // rounds under way at once, at most
	overlap bool           // two rounds of one client at once
	order   []string       // managed tenants in the order their first round began
	calls   []tenant.Call  // those that rounds were made for
	down    error          // what every call answers while the engine is down

	revised []*syncenginev1.ReviseMappingRequest
	decided []*syncenginev1.DecideOrphansRequest
	refuse  error // what the next calls about links answer

	schedule *syncenginev1.GetScheduleResponse
}

// NewEngine makes an engine whose runs cover the groups. A nil round ends well at once.
func NewEngine(groups []*syncenginev1.ClientTenants, round Round) *Engine {
	if round == nil {
		round = func(context.Context, int, func(string)) (*syncenginev1.TenantOutcome, error) { return Done(), nil }
	}
	return &Engine{groups: groups, round: round, tries: map[string]int{}, active: map[string]int{}}
}

// Done is the outcome of a round that created two contacts.
func Done() *syncenginev1.TenantOutcome {
	return &syncenginev1.TenantOutcome{State: "completed", Counters: &syncenginev1.Counters{Created: 2}}
}

// Groups makes clients with so many managed tenants each: "c0" with "c0-0", "c0-1", ….
func Groups(clients, each int) []*syncenginev1.ClientTenants {
	groups := make([]*syncenginev1.ClientTenants, 0, clients)
	for c := range clients {
		group := &syncenginev1.ClientTenants{ClientId: "c" + strconv.Itoa(c)}
		for m := range each {
			group.ManagedTenantIds = append(group.ManagedTenantIds, group.GetClientId()+"-"+strconv.Itoa(m))
		}
		groups = append(groups, group)
	}
	return groups
}

// Quick makes groups of managed tenants that are expected to be done in a moment.
func Quick(groups []*syncenginev1.ClientTenants) []*syncenginev1.ClientTenants {
	for _, group := range groups {
		group.Quick = true
	}
	return groups
}

// Client serves the engine until the test ends and gives a client that signs as the worker.
func (e *Engine) Client(t testing.TB, network *rpctest.Network) syncenginev1.SyncEngineInternalServiceClient {
	t.Helper()
	address := network.Serve("sync-engine", func(r grpc.ServiceRegistrar) { syncenginev1.RegisterSyncEngineInternalServiceServer(r, e) })
	return syncenginev1.NewSyncEngineInternalServiceClient(network.Dial("worker", "sync-engine", address))
}

// SetDown makes every call return the error; nil lets the engine serve again.
func (e *Engine) SetDown(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.down = err
}

// Seen is what the engine saw of rounds.
type Seen struct {
	Most    int
	Overlap bool
	Order   []string
	Tries   map[string]int
	Calls   []tenant.Call
}

// Seen returns what was seen so far.
func (e *Engine) Seen() Seen {
	e.mu.Lock()
	defer e.mu.Unlock()
	tries := map[string]int{}
	for id, n := range e.tries {
		tries[id] = n
	}
	return Seen{Most: e.most, Overlap: e.overlap, Order: slices.Clone(e.order), Tries: tries, Calls: slices.Clone(e.calls)}
}

// Forget drops what was recorded of a run's managed tenants.
func (e *Engine) Forget(runID string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.runs {
		if r.id == runID {
			clear(r.results)
		}
	}
}

// Ended is how a run ended, or stands.
type Ended struct {
	State   string
	Trigger string
	Code    string
	Found   *int32
	Results map[string]Result
}

// Run returns the state of a run.
func (e *Engine) Run(id string) Ended {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.runs {
		if r.id != id {
			continue
		}
		ended := Ended{State: r.state, Trigger: r.trigger, Code: r.problem.GetCode(), Found: r.found, Results: map[string]Result{}}
		for managed, result := range r.results {
			ended.Results[managed] = *result
		}
		return ended
	}
	return Ended{}
}

// called takes the engine for a call of a tenant, unless it is down.
func (e *Engine) called(ctx context.Context) (id tenant.ID, leave func(), err error) {
	if id, err = tenant.IDFrom(ctx); err != nil {
		return "", nil, err
	}
	e.mu.Lock()
	if e.down != nil {
		defer e.mu.Unlock()
		return "", nil, e.down
	}
	return id, e.mu.Unlock, nil
}

// CreateRun makes or joins a run.
func (e *Engine) CreateRun(ctx context.Context, req *syncenginev1.CreateRunRequest) (*syncenginev1.CreateRunResponse, error) {
	id, leave, err := e.called(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if req.GetType() == "initial" && len(e.groups) == 0 {
		return nil, errs.New(errs.Conflict, "no_confirmed_mapping", "No mapping is confirmed.")
	}
	for _, r := range e.runs {
		if r.tenant == id.String() && r.id == req.GetRunId() {
			return &syncenginev1.CreateRunResponse{RunId: r.id, WorkflowId: r.workflowID, ClientId: r.client, Joined: true, State: r.state, Ticket: TicketOf(r.tenant, r.id)}, nil
		}
	}
	for _, r := range e.runs {
		if r.tenant == id.String() && r.kind == req.GetType() && r.client == req.GetClientId() && r.dry == req.GetDryRun() && open(r.state) {
			return &syncenginev1.CreateRunResponse{RunId: r.id, WorkflowId: r.workflowID, ClientId: r.client, Joined: true, State: r.state, Ticket: TicketOf(r.tenant, r.id)}, nil
		}
	}
	r := &run{
		id: cmp.Or(req.GetRunId(), uuid.Must(uuid.NewV7()).String()), created: time.Now(), tenant: id.String(), kind: req.GetType(), client: req.GetClientId(),
		workflowID: WorkflowID(req.GetType(), id.String(), req.GetClientId()), state: "queued", results: map[string]*Result{},
		trigger: req.GetTrigger(), dry: req.GetDryRun(),
	}
	if r.dry {
		r.workflowID += ":preflight"
	}
	e.runs = append(e.runs, r)
	return &syncenginev1.CreateRunResponse{RunId: r.id, WorkflowId: r.workflowID, ClientId: r.client, State: r.state, Ticket: TicketOf(r.tenant, r.id)}, nil
}

// WorkflowID is the workflow of a kind of run.
func WorkflowID(kind, tenantID, clientID string) string {
	switch kind {
	case "discovery":
		return "entra-discovery:" + tenantID
	case "initial":
		return "entra-initial-sync:" + tenantID
	case "single-client":
		return "entra-client-sync:" + tenantID + ":" + clientID
	}
	return "entra-all-tenants-sync:" + tenantID
}

func open(state string) bool { return state == "queued" || state == "running" }

// find gives the run of the call's tenant; the lock is held.
func (e *Engine) find(ctx context.Context, id string) (*run, error) {
	tenantID, err := tenant.IDFrom(ctx)
	if err != nil {
		return nil, err
	}
	if e.down != nil {
		return nil, e.down
	}
	for _, r := range e.runs {
		if r.id == id && r.tenant == tenantID.String() {
			return r, nil
		}
	}
	return nil, errs.New(errs.NotFound, "unknown_run", "There is no such run.")
}

// ticketed is a request about a run.
type ticketed interface {
	GetRunId() string
	GetTicket() string
}

// ofRun takes the engine for a call about a run, whose ticket it checks.
func (e *Engine) ofRun(ctx context.Context, req ticketed) (r *run, leave func(), err error) {
	if err := checked(ctx, req.GetRunId(), req.GetTicket()); err != nil {
		return nil, nil, err
	}
	e.mu.Lock()
	if r, err = e.find(ctx, req.GetRunId()); err != nil {
		defer e.mu.Unlock()
		return nil, nil, err
	}
	return r, e.mu.Unlock, nil
}

// BeginRun marks a run as running.
func (e *Engine) BeginRun(ctx context.Context, req *syncenginev1.BeginRunRequest) (*syncenginev1.BeginRunResponse, error) {
	r, leave, err := e.ofRun(ctx, req)
	if err != nil {
		return nil, err
	}
	defer leave()
	if r.state == "queued" {
		r.state = "running"
	}
	total := 0
	for _, group := range e.groups {
		total += len(group.GetManagedTenantIds())
	}
	return &syncenginev1.BeginRunResponse{State: r.state, TotalTenants: int32(total)}, nil
}

// ListRunTenants pages by managed tenants; a client may stand on two pages.
func (e *Engine) ListRunTenants(ctx context.Context, req *syncenginev1.ListRunTenantsRequest) (*syncenginev1.ListRunTenantsResponse, error) {
	r, leave, err := e.ofRun(ctx, req)
	if err != nil {
		return nil, err
	}
	defer leave()
	after, _ := strconv.Atoi(cmp.Or(req.GetPageToken(), "-1"))
	response := &syncenginev1.ListRunTenantsResponse{}
	var group *syncenginev1.ClientTenants
	place, listed := -1, 0
	for _, g := range e.groups {
		for _, managed := range g.GetManagedTenantIds() {
			place++
			if place <= after || r.results[managed] != nil {
				continue
			}
			if listed == int(req.GetPageSize()) {
				response.NextPageToken = strconv.Itoa(place - 1)
				return response, nil
			}
			if group.GetClientId() != g.GetClientId() {
				group = &syncenginev1.ClientTenants{ClientId: g.GetClientId(), Quick: g.GetQuick()}
				response.Groups = append(response.Groups, group)
			}
			group.ManagedTenantIds = append(group.ManagedTenantIds, managed)
			listed++
		}
	}
	return response, nil
}

// SyncTenantUsers does a fake round and records its result.
func (e *Engine) SyncTenantUsers(req *syncenginev1.SyncTenantUsersRequest, stream grpc.ServerStreamingServer[syncenginev1.SyncTenantUsersResponse]) error {
	if err := checked(stream.Context(), req.GetRunId(), req.GetTicket()); err != nil {
		return err
	}
	if done := e.recorded(stream.Context(), req); done != nil {
		return stream.Send(done)
	}
	client, try, err := e.enter(stream.Context(), req)
	if err != nil {
		return err
	}
	defer e.leave(client)
	outcome, err := e.round(context.WithValue(stream.Context(), managedKey{}, req.GetManagedTenantId()), try, func(phase string) {
		_ = stream.Send(&syncenginev1.SyncTenantUsersResponse{Phase: phase, Staged: 10})
	})
	if err != nil {
		return err
	}
	e.mu.Lock()
	r, err := e.find(stream.Context(), req.GetRunId())
	if err == nil {
		r.results[req.GetManagedTenantId()] = &Result{State: outcome.GetState()}
	}
	e.mu.Unlock()
	if err != nil {
		return err
	}
	return stream.Send(&syncenginev1.SyncTenantUsersResponse{Phase: "done", Staged: 10, Applied: 10, Outcome: outcome})
}

// recorded is the result that a managed tenant has already, nil without one.
func (e *Engine) recorded(ctx context.Context, req *syncenginev1.SyncTenantUsersRequest) *syncenginev1.SyncTenantUsersResponse {
	e.mu.Lock()
	defer e.mu.Unlock()
	r, err := e.find(ctx, req.GetRunId())
	if err != nil || r.results[req.GetManagedTenantId()] == nil {
		return nil
	}
	return &syncenginev1.SyncTenantUsersResponse{Phase: "done", Outcome: &syncenginev1.TenantOutcome{State: r.results[req.GetManagedTenantId()].State}}
}

type managedKey struct{}

// ManagedTenant is the one that a round is for.
func ManagedTenant(ctx context.Context) string { return ctx.Value(managedKey{}).(string) }

func (e *Engine) enter(ctx context.Context, req *syncenginev1.SyncTenantUsersRequest) (client string, try int, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, err := e.find(ctx, req.GetRunId()); err != nil {
		return "", 0, err
	}
	call, _ := tenant.Lookup(ctx)
	e.calls = append(e.calls, call)
	managed := req.GetManagedTenantId()
	for _, g := range e.groups {
		if slices.Contains(g.GetManagedTenantIds(), managed) {
			client = g.GetClientId()
		}
	}
	e.tries[managed]++
	if e.tries[managed] == 1 {
		e.order = append(e.order, managed)
	}
	e.active[client]++
	e.overlap = e.overlap || e.active[client] > 1
	now := 0
	for _, n := range e.active {
		now += n
	}
	e.most = max(e.most, now)
	return client, e.tries[managed], nil
}

func (e *Engine) leave(client string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.active[client]--
}

// RecordTenantResult keeps a result that exists.
func (e *Engine) RecordTenantResult(ctx context.Context, req *syncenginev1.RecordTenantResultRequest) (*syncenginev1.RecordTenantResultResponse, error) {
	r, leave, err := e.ofRun(ctx, req)
	if err != nil {
		return nil, err
	}
	defer leave()
	if r.results[req.GetManagedTenantId()] == nil {
		r.results[req.GetManagedTenantId()] = &Result{State: req.GetState(), Code: req.GetError().GetCode()}
	}
	return &syncenginev1.RecordTenantResultResponse{}, nil
}

// FinaliseRun closes a run; one that has ended stays as it is.
func (e *Engine) FinaliseRun(ctx context.Context, req *syncenginev1.FinaliseRunRequest) (*syncenginev1.FinaliseRunResponse, error) {
	r, leave, err := e.ofRun(ctx, req)
	if err != nil {
		return nil, err
	}
	defer leave()
	if open(r.state) {
		r.state = cmp.Or(req.GetState(), derived(r))
		r.problem, r.found = req.GetError(), req.DiscoveredTenants
	}
	return &syncenginev1.FinaliseRunResponse{State: r.state, Counters: &syncenginev1.Counters{Created: int32(2 * len(r.results))}}, nil
}

func derived(r *run) string {
	failed, held := 0, 0
	for _, result := range r.results {
		switch result.State {
		case "failed":
			failed++
		case "held":
			held++
		}
	}
	switch {
	case failed > 0 && failed == len(r.results):
		return "failed"
	case held > 0:
		return "held"
	case failed > 0:
		return "partial"
	}
	return "completed"
}

// ListOpenRuns names open runs behind one, in the order of their ids, whatever their age.
func (e *Engine) ListOpenRuns(_ context.Context, req *syncenginev1.ListOpenRunsRequest) (*syncenginev1.ListOpenRunsResponse, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.down != nil {
		return nil, e.down
	}
	response := &syncenginev1.ListOpenRunsResponse{}
	for _, r := range e.runs {
		if open(r.state) && r.id > req.GetAfterRunId() {
			response.Runs = append(response.Runs, &syncenginev1.OpenRun{TenantId: r.tenant, RunId: r.id, WorkflowId: r.workflowID})
		}
	}
	slices.SortFunc(response.Runs, func(a, b *syncenginev1.OpenRun) int { return strings.Compare(a.GetRunId(), b.GetRunId()) })
	response.Runs = response.Runs[:min(len(response.Runs), int(req.GetPageSize()))]
	return response, nil
}

// CancelRuns closes the tenant's runs as cancelled, and names again the workflows of those that
// have managed tenants without a result.
func (e *Engine) CancelRuns(ctx context.Context, req *syncenginev1.CancelRunsRequest) (*syncenginev1.CancelRunsResponse, error) {
	id, leave, err := e.called(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	response := &syncenginev1.CancelRunsResponse{}
	for _, r := range e.runs {
		if r.tenant != id.String() || req.GetRunId() != "" && r.id != req.GetRunId() || req.CreatedBefore != nil && !r.created.Before(req.GetCreatedBefore().AsTime()) {
			continue
		}
		if open(r.state) || r.state == "cancelled" && len(r.results) == 0 {
			r.state = "cancelled"
			response.WorkflowIds = append(response.WorkflowIds, r.workflowID)
		}
	}
	return response, nil
}
