package outbox_test

import (
	"testing"

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
