// Package peers calls services for what the gateway does by itself.
package peers

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/entrasync/entrasync/gateway/internal/core"
	"github.com/entrasync/entrasync/gateway/internal/webhook"
	"github.com/entrasync/entrasync/proto/entrasync/runstate"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

// SyncEngine gives the changes of contacts and the ends of runs.
type SyncEngine struct {
	changes syncenginev1.ChangeServiceClient
	lists   syncenginev1.ContactServiceClient
	runs    syncenginev1.RunServiceClient
}

// NewSyncEngine makes the adapter.
func NewSyncEngine(conn grpc.ClientConnInterface) *SyncEngine {
	return &SyncEngine{
		changes: syncenginev1.NewChangeServiceClient(conn), lists: syncenginev1.NewContactServiceClient(conn), runs: syncenginev1.NewRunServiceClient(conn),
	}
}

// Head is the cursor behind the last change.
func (s *SyncEngine) Head(ctx context.Context) (string, error) {
	list, err := s.lists.ListContacts(ctx, &syncenginev1.ListContactsRequest{PageSize: 1})
	return list.GetChangesCursor(), err
}

// Since is the cursor before the first change that was made then or later.
func (s *SyncEngine) Since(ctx context.Context, at time.Time) (string, error) {
	page, err := s.changes.ListChanges(ctx, &syncenginev1.ListChangesRequest{Since: timestamppb.New(at), PageSize: 1})
	if err != nil || len(page.GetChanges()) == 0 {
		return page.GetNextCursor(), err
	}
	return page.GetCursor(), nil
}

// Changes gives what came after a cursor, in order.
func (s *SyncEngine) Changes(ctx context.Context, cursor string, n int) ([]webhook.Event, error) {
	page, err := s.changes.ListChanges(ctx, &syncenginev1.ListChangesRequest{Cursor: cursor, PageSize: int32(n)}) // at most a few hundred
	if err != nil {
		return nil, err
	}
	events := make([]webhook.Event, len(page.GetChanges()))
	for i, change := range page.GetChanges() {
		data, err := body(change)
		if err != nil {
			return nil, err
		}
		events[i] = webhook.Event{Cursor: change.GetCursor(), Message: webhook.Message{
			ID: "change_" + strconv.FormatInt(change.GetSequence(), 10), Type: change.GetType(), At: change.GetAt().AsTime(), Data: data,
		}}
	}
	return events, nil
}

// runsPage is how many runs one look reads: those that ended lately are among the
// newest.
const runsPage = 200

// EndedRuns gives syncs, but no dry runs, that ended at that time or later, the
// first first.
func (s *SyncEngine) EndedRuns(ctx context.Context, since time.Time) ([]webhook.Event, error) {
	list, err := s.runs.ListRuns(ctx, &syncenginev1.ListRunsRequest{PageSize: runsPage})
	if err != nil {
		return nil, err
	}
	var events []webhook.Event
	for _, run := range list.GetRuns() {
		kind := endOf(run)
		if kind == "" || run.GetCompletedAt().AsTime().Before(since) {
			continue
		}
		data, err := body(run)
		if err != nil {
			return nil, err
		}
		events = append(events, webhook.Event{Message: webhook.Message{ID: "run_" + run.GetRunId(), Type: kind, At: run.GetCompletedAt().AsTime(), Data: data}})
	}
	slices.SortStableFunc(events, func(a, b webhook.Event) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	return events, nil
}

// endOf is the type of the event of a run's end, empty where it is none.
func endOf(run *syncenginev1.Run) string {
	if run.GetDryRun() || run.GetType() == "discovery" {
		return ""
	}
	switch run.GetState() {
	case runstate.Completed, runstate.Partial:
		return "sync.run.completed"
	case runstate.Failed, runstate.Cancelled:
		return "sync.run.failed"
	case runstate.Held:
		return "sync.run.held"
	}
	return ""
}

// body is a message as our own answers show it.
func body(message proto.Message) ([]byte, error) { return core.MarshalJSON.Marshal(message) }
