package orchestration

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// manyRuns are open runs, of which the last one's workflow is gone.
type manyRuns struct {
	Runs
	ids    []string
	failed []string
}

func (m *manyRuns) Open(_ context.Context, _ time.Time, after string, limit int) (open []OpenRun, err error) {
	for _, id := range m.ids {
		if id > after && !slices.Contains(m.failed, id) && len(open) < limit {
			open = append(open, OpenRun{TenantID: "msp", RunID: id, WorkflowID: id})
		}
	}
	return open, nil
}

func (m *manyRuns) Fail(_ context.Context, runID string, _ Problem) error {
	m.failed = append(m.failed, runID)
	return nil
}

type livingWorkflows struct {
	Workflows
	gone []string
}

func (w livingWorkflows) Describe(_ context.Context, workflowID string) (Execution, error) {
	if slices.Contains(w.gone, workflowID) {
		return Execution{}, nil
	}
	return Execution{State: StateRunning, RunID: workflowID}, nil
}

func TestASweepLooksAtEveryOpenRun(t *testing.T) {
	t.Parallel()
	runs := &manyRuns{}
	for i := range 2*sweepSize + 1 {
		runs.ids = append(runs.ids, fmt.Sprintf("%06d", i))
	}
	lost := []string{runs.ids[0], runs.ids[sweepSize], runs.ids[2*sweepSize]}
	sweep := NewSweep(runs, livingWorkflows{gone: lost})
	closed, err := sweep.Do(t.Context(), time.Now())
	require.NoError(t, err)
	require.Equal(t, len(lost), closed)
	require.Equal(t, lost, runs.failed)
}
