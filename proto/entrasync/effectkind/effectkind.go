// Package effectkind names the kinds of effects, what a committed change of one service asks the
// worker to cause elsewhere, and the outcomes of an effect. It is part of the contract (orchestration.v1.EffectService): the service
// that adds an effect and the worker that performs it know its kind from here, and none changes its
// name, since outboxes hold it.
package effectkind

// Of the connection.
const (
	// ConnectionConnected brings the tenant's schedule in line with its new connection.
	ConnectionConnected = "connection_connected"
	// ConnectionDisconnected ends what can no longer work without the connection.
	ConnectionDisconnected = "connection_disconnected"
)

// Of the mapping.
const (
	// StartInitialSync starts the initial sync.
	StartInitialSync = "start_initial_sync"
	// MappingRevised has the engine apply a mapping revision.
	MappingRevised = "mapping_revised"
	// OrphansDecided has the engine carry out what a person decided about links.
	OrphansDecided = "orphans_decided"
	// ClientsChanged appends changes of clients to the change feed. A trigger adds it.
	ClientsChanged = "clients_changed"
)

// Of the sync engine.
const (
	// ScheduleChanged brings the tenant's schedule in line with what the engine says of it.
	ScheduleChanged = "schedule_changed"
	// RunCreated starts a run's workflow; the effect's id is the run's.
	RunCreated = "run_created"
	// ErasePerson finishes an erasure that was interrupted, or that had to wait for a round.
	ErasePerson = "erase_person"
)

// Of the queue.
const (
	// FinishDecision finishes a decision that a crash interrupted.
	FinishDecision = "finish_decision"
	// ItemsChanged appends changes of items to the change feed. A trigger adds it.
	ItemsChanged = "items_changed"
)
