package temporal

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/worker"
	sdk "go.temporal.io/sdk/workflow"

	"github.com/entrasync/entrasync/pkg/errs"
	discoveryv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/discovery/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
	"github.com/entrasync/entrasync/services/worker/internal/peertest"
	"github.com/entrasync/entrasync/services/worker/internal/workflow"
)

// record writes the histories of this build beside those of earlier ones, in a folder of that name: go
// test -run TestTheHistoriesOfThisBuildReplay -record=tickets. Those of earlier builds stay: workflows that they
// began may still be under way.
var record = flag.String("record", "", "write the histories of this build to testdata, in a folder of this name")

const histories = "testdata/histories"

// A workflow that decides otherwise than it did fails here, before it fails for somebody whose
// run is under way.
func TestEveryRecordedHistoryReplays(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(histories, "*", "*.json"))
	require.NoError(t, err)
	recorded := map[string]bool{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		recorded[string(regexp.MustCompile(`"workflowType": \{\s+"name": "(\w+)"`).FindSubmatch(raw)[1])] = true
	}
	for name := range Workflow() {
		require.True(t, recorded[name], "no history of %s is recorded", name)
	}
	for _, file := range files {
		t.Run(filepath.Base(filepath.Dir(file))+"/"+filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			require.NoError(t, replayer(t).ReplayWorkflowHistoryFromJSONFile(nil, file))
		})
	}
}

func replayer(t *testing.T) worker.WorkflowReplayer {
	t.Helper()
	// A busy machine may take longer for a step than the second after which it counts as a deadlock.
	r, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{DisableDeadlockDetection: true})
	require.NoError(t, err)
	for name, definition := range Workflow() {
		r.RegisterWorkflowWithOptions(definition, sdk.RegisterOptions{Name: name})
	}
	return r
}

// TestTheHistoriesOfThisBuildReplay makes one of every kind and replays it; with -record they are kept.
func TestTheHistoriesOfThisBuildReplay(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func(t *testing.T) (*bundle, string){
		"discovery-completed": func(t *testing.T) (*bundle, string) {
			b := setup(t, nil, nil, workflow.Limits{})
			b.work()
			_, err := b.discover.Do(b.ctx)
			require.NoError(t, err)
			return b, "entra-discovery:" + b.tenant
		},
		"discovery-failed": func(t *testing.T) (*bundle, string) {
			b := setup(t, nil, nil, workflow.Limits{})
			b.discovery.Find = func(context.Context) (*discoveryv1.DiscoveryResult, error) {
				return nil, errs.New(errs.Precondition, "auth_rejected", "No.", errs.WithMetadata("class", "reconnect"))
			}
			b.work()
			_, err := b.discover.Do(b.ctx)
			require.NoError(t, err)
			return b, "entra-discovery:" + b.tenant
		},
		"initial-partial": func(t *testing.T) (*bundle, string) {
			b := setup(t, peertest.Groups(11, 2), func(ctx context.Context, _ int, _ func(string)) (*syncenginev1.TenantOutcome, error) {
				if peertest.ManagedTenant(ctx) == "c3-0" {
					return nil, consentMissing()
				}
				return peertest.Done(), nil
			}, workflow.Limits{PageSize: 7})
			b.work()
			return b, b.ended(orchestration.InitialSync)
		},
		"all-tenants-continued": func(t *testing.T) (*bundle, string) {
			b := setup(t, peertest.Groups(9, 1), nil, workflow.Limits{PageSize: 4, TenantsPerExecution: 4})
			b.work()
			return b, b.ended(orchestration.AllTenantsSync)
		},
		"all-tenants-cancelled": func(t *testing.T) (*bundle, string) {
			begun := make(chan struct{}, 20)
			b := setup(t, peertest.Groups(9, 2), func(ctx context.Context, _ int, _ func(string)) (*syncenginev1.TenantOutcome, error) {
				begun <- struct{}{}
				<-ctx.Done()
				return nil, ctx.Err()
			}, workflow.Limits{Window: 3})
			b.beatAtMost = often
			b.work()
			started := b.started(orchestration.NewRun{Kind: orchestration.AllTenantsSync})
			for range 3 {
				received(b, begun)
			}
			require.NoError(t, b.workflows.Cancel(b.ctx, started.WorkflowID, time.Now()))
			b.synced(started)
			return b, started.WorkflowID
		},
		"scheduled-completed": func(t *testing.T) (*bundle, string) {
			b := setup(t, peertest.Groups(1, 1), nil, workflow.Limits{})
			b.work()
			b.engine.SetSchedule(&syncenginev1.GetScheduleResponse{AutomaticSync: true, IntervalMinutes: 1440, FirstSyncDone: true})
			b.scheduled()
			started := b.due(orchestration.RecurringSync)
			require.NoError(t, b.client.GetWorkflow(b.ctx, started.WorkflowID, "").Get(b.ctx, nil))
			return b, started.WorkflowID
		},
		"all-tenants-quick": func(t *testing.T) (*bundle, string) {
			b := setup(t, peertest.Quick(peertest.Groups(20, 2)), func(ctx context.Context, try int, _ func(string)) (*syncenginev1.TenantOutcome, error) {
				if peertest.ManagedTenant(ctx) == "c3-0" && try == 1 {
					return nil, errs.New(errs.Unavailable, "upstream_error", "Microsoft answered 503.", errs.WithMetadata("class", "retry"))
				}
				return peertest.Done(), nil
			}, workflow.Limits{})
			b.work()
			return b, b.ended(orchestration.AllTenantsSync)
		},
		"scheduled-discovery-completed": func(t *testing.T) (*bundle, string) {
			b := setup(t, nil, nil, workflow.Limits{})
			b.work()
			b.scheduled()
			started := b.due(orchestration.RecurringDiscovery)
			require.NoError(t, b.client.GetWorkflow(b.ctx, started.WorkflowID, "").Get(b.ctx, nil))
			return b, started.WorkflowID
		},
		"client-completed": func(t *testing.T) (*bundle, string) {
			b := setup(t, peertest.Groups(1, 3), nil, workflow.Limits{})
			b.work()
			return b, b.ended(orchestration.ClientSync)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, workflowID := make(t)
			last := events(t, b, workflowID, "")
			b.replays(name, last)
			first := last[0].GetWorkflowExecutionStartedEventAttributes().GetFirstExecutionRunId()
			if continued := last[0].GetWorkflowExecutionStartedEventAttributes().GetContinuedExecutionRunId(); continued != "" {
				b.replays(name+"-first", events(t, b, workflowID, first))
			}
		})
	}
}

// ended runs a sync to its end.
func (b *bundle) ended(kind orchestration.Kind) (workflowID string) {
	started := b.started(orchestration.NewRun{Kind: kind})
	b.synced(started)
	return started.WorkflowID
}

// identities name processes and machines, which are nobody's business.
var identities = regexp.MustCompile(`("identity": |"name": )"[^"]*[@:][^"]*"`)

func (b *bundle) replays(name string, events []*historypb.HistoryEvent) {
	b.t.Helper()
	history := &historypb.History{Events: events}
	require.NoError(b.t, replayer(b.t).ReplayWorkflowHistory(nil, history))
	if *record == "" {
		return
	}
	encoded, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(history)
	require.NoError(b.t, err)
	encoded = identities.ReplaceAll(encoded, []byte(`$1"worker"`))
	folder := filepath.Join(histories, *record)
	require.NoError(b.t, os.MkdirAll(folder, 0o755))
	require.NoError(b.t, os.WriteFile(filepath.Join(folder, name+".json"), append(encoded, '\n'), 0o644))
}
