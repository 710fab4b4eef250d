package postgres_test

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/entrasync/entrasync/gateway/internal/peers"
	"github.com/entrasync/entrasync/gateway/internal/postgres"
	"github.com/entrasync/entrasync/gateway/internal/webhook"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

// engine plays the sync engine, over mTLS: its runs, and a feed of one change where something changed.
type engine struct {
	syncenginev1.UnimplementedRunServiceServer
	syncenginev1.UnimplementedRunInternalServiceServer
	syncenginev1.UnimplementedContactServiceServer

	mu      sync.Mutex
	runs    []*syncenginev1.Run // in the order in which they were made
	changed bool
	listed  int // runs that were named
	added   int // runs whose totals were added up
}

// ended adds runs that ended at a time and gives the messages about them, in the order of their ids.
func (e *engine) ended(at time.Time, states ...string) (messages []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	kinds := map[string]string{"completed": "completed", "partial": "completed", "failed": "failed", "cancelled": "failed", "held": "held"}
	for _, state := range states {
		run := &syncenginev1.Run{RunId: uuid.NewString(), Type: "all-tenants", State: state, CompletedAt: timestamppb.New(at), TotalTenants: 1}
		e.runs = append(e.runs, run)
		messages = append(messages, "sync.run."+kinds[state]+" run_"+run.GetRunId())
	}
	slices.SortFunc(messages, func(a, b string) int { return cmp.Compare(a[len(a)-36:], b[len(b)-36:]) })
	return messages
}

// ListRuns gives one page of those that were made last, as the contract says.
func (e *engine) ListRuns(_ context.Context, req *syncenginev1.ListRunsRequest) (*syncenginev1.ListRunsResponse, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	runs := slices.Clone(e.runs)
	slices.Reverse(runs)
	runs = runs[:min(len(runs), int(req.GetPageSize()))]
	e.added += len(runs)
	return &syncenginev1.ListRunsResponse{Runs: runs}, nil
}

func (e *engine) ListEndedRuns(_ context.Context, req *syncenginev1.ListEndedRunsRequest) (*syncenginev1.ListEndedRunsResponse, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var named []*syncenginev1.EndedRun
	for _, run := range e.runs {
		since := run.GetCompletedAt().AsTime().Compare(req.GetSince().AsTime())
		if since > 0 || since == 0 && run.GetRunId() > req.GetAfterRunId() {
			named = append(named, &syncenginev1.EndedRun{RunId: run.GetRunId(), State: run.GetState(), CompletedAt: run.GetCompletedAt()})
		}
	}
	slices.SortFunc(named, func(a, b *syncenginev1.EndedRun) int {
		return cmp.Or(a.GetCompletedAt().AsTime().Compare(b.GetCompletedAt().AsTime()), cmp.Compare(a.GetRunId(), b.GetRunId()))
	})
	named = named[:min(len(named), int(req.GetPageSize()))]
	e.listed += len(named)
	return &syncenginev1.ListEndedRunsResponse{Runs: named}, nil
}

func (e *engine) GetEndedRun(_ context.Context, req *syncenginev1.GetEndedRunRequest) (*syncenginev1.GetEndedRunResponse, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, run := range e.runs {
		if run.GetRunId() == req.GetRunId() {
			e.added++
			return &syncenginev1.GetEndedRunResponse{Run: run}, nil
		}
	}
	return nil, errs.New(errs.NotFound, "not_found", "There is no such run.")
}

// costs tells, and forgets, what was asked since the last time.
func (e *engine) costs() (listed, added int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	listed, added = e.listed, e.added
	e.listed, e.added = 0, 0
	return listed, added
}

func (e *engine) ListContacts(context.Context, *syncenginev1.ListContactsRequest) (*syncenginev1.ListContactsResponse, error) {
	head := "head"
	return &syncenginev1.ListContactsResponse{ChangesCursor: &head}, nil
}

// feed is the engine's feed.
type feed struct {
	syncenginev1.UnimplementedChangeServiceServer
	*engine
}

func (f feed) ListChanges(_ context.Context, req *syncenginev1.ListChangesRequest) (*syncenginev1.ListChangesResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.changed || req.GetCursor() != "head" {
		return &syncenginev1.ListChangesResponse{Cursor: "head", NextCursor: "head"}, nil
	}
	return &syncenginev1.ListChangesResponse{NextCursor: "after", Changes: []*syncenginev1.Change{
		{Sequence: 1, Type: "contact.created", Cursor: "after", At: timestamppb.Now()},
	}}, nil
}

// before has the webhooks be told by an engine; one that is older than the gateway lacks what the gateway asks.
func (h *hooks) before(t *testing.T, older bool, e *engine) {
	t.Helper()
	network := rpctest.New(t)
	address := network.Serve("sync-engine", func(r grpc.ServiceRegistrar) {
		syncenginev1.RegisterRunServiceServer(r, e)
		syncenginev1.RegisterContactServiceServer(r, e)
		syncenginev1.RegisterChangeServiceServer(r, feed{engine: e})
		if !older {
			syncenginev1.RegisterRunInternalServiceServer(r, e)
		}
	})
	h.source = peers.NewSyncEngine(network.Dial("gateway", "sync-engine", address))
	h.guarded(t)
}

var ofRuns = []string{"contact.created", "sync.run.completed", "sync.run.failed", "sync.run.held"}

// all gives endpoints turns until there is nothing more.
func (h *hooks) all(t *testing.T) (got []string) {
	t.Helper()
	for {
		more := h.later(t, 5*time.Second)
		if len(more) == 0 {
			return got
		}
		got = append(got, more...)
	}
}

// TestEveryRunOfThirtyDaysIsToldAgain: a replay tells of all of them, in the order in which they ended, and
// not only of those that were made last.
func TestEveryRunOfThirtyDaysIsToldAgain(t *testing.T) {
	t.Parallel()
	h, e := webhooks(t), &engine{}
	h.before(t, false, e)
	endpoint, secret := h.put(t, webhook.Change{Events: ofRuns})
	h.receiver.set(http.StatusOK, secret)
	var want []string
	for n := range 60 { // twice a day, five at once
		want = append(want, e.ended(h.at.Add(-time.Duration(60-n)*12*time.Hour), "completed", "held", "failed", "partial", "cancelled")...)
	}
	slices.Reverse(e.runs) // the one that was made first ended last
	require.Empty(t, h.later(t, 5*time.Second), "what happened before is no news")
	_, err := h.Replay(h.ctx, endpoint.ID.String(), h.at.AddDate(0, 0, -30).Add(-time.Hour))
	require.NoError(t, err)
	require.Equal(t, want, h.all(t))
}

// TestRunsThatEndedWhileAReceiverWasDownAreTold, however many they are.
func TestRunsThatEndedWhileAReceiverWasDownAreTold(t *testing.T) {
	t.Parallel()
	h, e := webhooks(t), &engine{}
	h.before(t, false, e)
	_, secret := h.put(t, webhook.Change{Events: ofRuns})
	h.receiver.set(http.StatusServiceUnavailable, secret)
	var want []string
	for range 3 * 24 {
		want = append(want, e.ended(h.at.Add(time.Minute), "completed")...)
		want = append(want, e.ended(h.at.Add(20*time.Minute), "completed", "failed", "completed")...)
		require.Empty(t, h.later(t, time.Hour))
	}
	require.Len(t, want, 288)
	h.receiver.set(http.StatusOK)
	h.pass(t, time.Hour)
	require.Equal(t, want, h.all(t))
}

// TestLookingForRunsCostsNothingWhileNoneEnds: each one's totals are added up once, when it is told, and what
// was told a while ago is not looked at again.
func TestLookingForRunsCostsNothingWhileNoneEnds(t *testing.T) {
	t.Parallel()
	h, e := webhooks(t), &engine{}
	h.before(t, false, e)
	_, secret := h.put(t, webhook.Change{Events: []string{"sync.run.completed"}})
	h.receiver.set(http.StatusOK, secret)
	for range 150 {
		e.ended(h.at.Add(time.Second), "completed", "failed")
	}
	require.Len(t, h.later(t, 5*time.Second), 150)
	_, added := e.costs()
	require.Equal(t, 150, added, "those that are not told of are not added up")
	for range 3 {
		require.Empty(t, h.later(t, 5*time.Second))
	}
	_, added = e.costs()
	require.Zero(t, added)
	require.Empty(t, h.later(t, 30*time.Minute))
	e.costs()
	for range 3 {
		require.Empty(t, h.later(t, 5*time.Second))
	}
	listed, added := e.costs()
	require.Zero(t, listed)
	require.Zero(t, added)
}

// TestARunThatIsSeenLateIsTold: runs become visible in another order than they end, also a while after
// everything was told.
func TestARunThatIsSeenLateIsTold(t *testing.T) {
	t.Parallel()
	h, e := webhooks(t), &engine{}
	h.before(t, false, e)
	_, secret := h.put(t, webhook.Change{Events: ofRuns})
	h.receiver.set(http.StatusOK, secret)
	require.Empty(t, h.later(t, time.Hour))
	late := e.ended(h.at.Add(-9*time.Minute), "completed")
	require.Equal(t, late, h.later(t, 30*time.Second))
	late = e.ended(h.at.Add(-5*time.Minute), "completed")
	require.Equal(t, late, h.later(t, 30*time.Second))
}

// TestAnOlderEngineKeepsRunsForLater: while the engine is older than this gateway, contacts are told of; the
// runs that ended meanwhile are once it is not, however long that took.
func TestAnOlderEngineKeepsRunsForLater(t *testing.T) {
	t.Parallel()
	h, e := webhooks(t), &engine{}
	h.before(t, true, e)
	_, secret := h.put(t, webhook.Change{Events: append([]string{webhook.AccessEnded}, ofRuns...)})
	h.receiver.set(http.StatusOK, secret)
	want := e.ended(h.at.Add(time.Second), "completed", "failed", "held")
	e.changed = true
	require.Equal(t, []string{"contact.created change_1"}, h.later(t, time.Minute))
	require.Empty(t, h.later(t, time.Minute), "once")
	require.Empty(t, h.later(t, 2*24*time.Hour))
	h.before(t, false, e)
	require.Equal(t, want, h.later(t, time.Minute))
}

// TestARunThatWasDeletedKeepsNoOtherBack: retention deletes runs between a page of them and its messages.
func TestARunThatWasDeletedKeepsNoOtherBack(t *testing.T) {
	t.Parallel()
	h, e := webhooks(t), &engine{}
	h.before(t, false, e)
	h.source = forgetful{h.source, "run_" + uuid.Nil.String()}
	h.guarded(t)
	_, secret := h.put(t, webhook.Change{Events: ofRuns})
	h.receiver.set(http.StatusOK, secret)
	want := e.ended(h.at.Add(time.Second), "completed")
	require.Equal(t, want, h.later(t, time.Minute))
	require.Empty(t, h.later(t, time.Hour))
}

// forgetful names one more run, which is not there.
type forgetful struct {
	webhook.Source
	gone string
}

func (f forgetful) EndedRuns(ctx context.Context, since time.Time, after string, n int) ([]webhook.Event, error) {
	events, err := f.Source.EndedRuns(ctx, since, after, n)
	if len(events) == 0 {
		return events, err
	}
	gone := webhook.Event{Message: webhook.Message{ID: f.gone, Type: "sync.run.completed", At: events[0].At}}
	return slices.Insert(events, 0, gone), err
}

// TestNoticesOfOneMomentAreAllTold: the access to many managed tenants may end at once.
func TestNoticesOfOneMomentAreAllTold(t *testing.T) {
	t.Parallel()
	h, e := webhooks(t), &engine{}
	h.before(t, false, e)
	_, secret := h.put(t, webhook.Change{Events: append([]string{webhook.AccessEnded}, ofRuns...)})
	h.receiver.set(http.StatusOK, secret)
	at := h.at.Add(time.Second)
	store := postgres.NewWebhooks(h.db.Pool("gateway"))
	var want []string
	for n := range 250 {
		m := webhook.Message{ID: fmt.Sprintf("access_ended_%03d", n), Type: webhook.AccessEnded, At: at, Data: []byte(`{}`)}
		require.NoError(t, store.AddNotice(h.ctx, m))
		want = append(want, webhook.AccessEnded+" "+m.ID)
	}
	want = append(want, e.ended(at, "completed", "held")...)
	want = append(want, e.ended(at.Add(time.Second), "failed")...)
	got := h.all(t)
	require.ElementsMatch(t, want, got)
	require.Equal(t, want[252], got[252], "the last came last")
}
