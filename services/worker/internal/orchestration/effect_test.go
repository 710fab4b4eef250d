package orchestration

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// unmappedRuns makes no run: its client is not mapped any more.
type unmappedRuns struct{ Runs }

func (unmappedRuns) Create(context.Context, NewRun) (Run, error) {
	return Run{}, errs.Of(reason.ClientNotMapped)
}

type relinkingLinks struct{ Links }

func (relinkingLinks) Decide(context.Context, OrphanDecision) (OrphanResult, error) {
	return OrphanResult{Relinking: 3}, nil
}

// TestADecisionTellsWhyNoSyncFollowed: it stands, and its result and the log say why no sync was started. It
// looks at the log of the process, so no other test runs beside it.
func TestADecisionTellsWhyNoSyncFollowed(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	perform := NewPerform(NewStart(unmappedRuns{}, nil), nil, nil, relinkingLinks{}, nil)
	outcome, err := perform.Do(tenant.With(t.Context(), tenant.Call{Tenant: "msp"}), Effect{
		ID: "11111111-1111-4111-8111-111111111111", Kind: "orphans_decided", CreatedAt: time.Now(),
		Arguments: map[string]string{"client_id": "c-1", "revision": "4", "decision": "relink"},
	})
	require.NoError(t, err)
	require.Equal(t, Outcome{State: "done", Result: map[string]string{
		"relinking": "3", "left": "0", "orphaned_links": "0", "error": "client_not_mapped",
	}}, outcome)
	require.Contains(t, log.String(), "client_not_mapped")
	require.Contains(t, log.String(), "client=c-1")
}
