// Package peers calls services for what the gateway does by itself.
package peers

import (
	"context"
	"strconv"
	"strings"
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
	ends    syncenginev1.RunInternalServiceClient
}

// NewSyncEngine makes the adapter.
func NewSyncEngine(conn grpc.ClientConnInterface) *SyncEngine {
	return &SyncEngine{
		changes: syncenginev1.NewChangeServiceClient(conn), lists: syncenginev1.NewContactServiceClient(conn),
		ends: syncenginev1.NewRunInternalServiceClient(conn),
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

// runMessage is what the id of a message about a run begins with; the run's id follows.
const runMessage = "run_"

// EndedRuns implements webhook.Source: syncs, but no dry runs, that ended.
func (s *SyncEngine) EndedRuns(ctx context.Context, since time.Time, after string, n int) ([]webhook.Event, error) {
	list, err := s.ends.ListEndedRuns(ctx, &syncenginev1.ListEndedRunsRequest{
		Since: timestamppb.New(since), AfterRunId: strings.TrimPrefix(after, runMessage), PageSize: int32(n), // at most a few hundred
	})
	if err != nil {
		return nil, err
	}
	events := make([]webhook.Event, len(list.GetRuns()))
	for i, run := range list.GetRuns() {
		events[i] = webhook.Event{Message: webhook.Message{ID: runMessage + run.GetRunId(), Type: endOf(run.GetState()), At: run.GetCompletedAt().AsTime()}}
	}
	return events, nil
}

// EndedRun implements webhook.Source: the run with its totals.
func (s *SyncEngine) EndedRun(ctx context.Context, messageID string) ([]byte, error) {
	run, err := s.ends.GetEndedRun(ctx, &syncenginev1.GetEndedRunRequest{RunId: strings.TrimPrefix(messageID, runMessage)})
	if err != nil {
		return nil, err
	}
	return body(run.GetRun())
}

// endOf is the type of the event of a run that ended in a state; empty for states that none is about.
func endOf(state string) string {
	switch state {
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
