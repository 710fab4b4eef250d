// Package pausereason names why a tenant's schedule is paused, or starts runs more rarely than the
// settings say, as the contract spells it (orchestration.v1.DescribeScheduleResponse). Schedules carry
// it as their note, so none changes its name.
package pausereason

// The reasons.
const (
	Disconnected     = "disconnected"       // there is no connection
	AutomaticSyncOff = "automatic_sync_off" // the settings say so
	Quarantined      = "quarantined"        // not paused: it tries once a day
	PausedByOperator = "paused_by_operator" // in the orchestrator itself
)
