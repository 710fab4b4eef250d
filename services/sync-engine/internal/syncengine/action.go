package syncengine

// The actions that a round plans for an identity, as DecidedIdentity has them. What each does
// stands beside the constants of the round's plan, in plan.go of internal/postgres/round.
const (
	ActionCreate     = "create"
	ActionLink       = "link"
	ActionUpdate     = "update"
	ActionReactivate = "reactivate"
	ActionResume     = "resume"
	ActionTouch      = "touch"
	ActionSeen       = "seen"
	ActionMissing    = "missing"
	ActionAbsent     = "absent"
	ActionInactivate = "inactivate"
	ActionQueue      = "queue"
)

// Why sync makes a contact inactive.
const (
	InactiveDisabled = "disabled_upstream"
	InactiveDeleted  = "deleted_upstream"
)
