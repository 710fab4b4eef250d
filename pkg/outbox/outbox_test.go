package outbox_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/outbox"
	"github.com/entrasync/entrasync/pkg/outbox/outboxtest"
)

func TestMappingsOutbox(t *testing.T) {
	t.Parallel()
	outboxtest.Suite(t, "mapping", "start_initial_sync")
}

func TestConnectionsOutbox(t *testing.T) {
	t.Parallel()
	outboxtest.Suite(t, "connection", "connection_connected")
}

func TestSyncEngineHasAnOutbox(t *testing.T) {
	t.Parallel()
	outboxtest.Suite(t, "syncengine", "schedule_changed")
}

func TestReconciliationsOutbox(t *testing.T) {
	t.Parallel()
	outboxtest.Suite(t, "reconciliation", "finish_decision")
}

func TestThePauseDoublesUpToTheLongest(t *testing.T) {
	t.Parallel()
	for attempts, want := range map[int32]time.Duration{
		0: time.Second, 1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 9: 256 * time.Second, 10: 5 * time.Minute, 1 << 30: 5 * time.Minute,
	} {
		require.Equal(t, want, outbox.Backoff(attempts, time.Second, 5*time.Minute), attempts)
	}
}
