// Package runstate names the states of a run, and of a managed tenant's part in one, as the contract
// spells them (syncengine.v1.Run and TenantResult, orchestration.v1.StartDiscoveryResponse). The
// engine stores them, so none changes its name.
package runstate

// While it is under way.
const (
	Queued  = "queued"  // made; no workflow has begun it
	Running = "running" // its workflow works
)

// The ends. Nothing leaves them.
const (
	Completed = "completed" // everything was done
	Partial   = "partial"   // something could not be done, and something was
	Failed    = "failed"    // nothing was done
	Cancelled = "cancelled" // a person, a disconnect or a newer mapping ended it before its end
	Held      = "held"      // a guard held something back, about which a person decides
)

// Open reports a state that is no end. A state of a later version is an end.
func Open(state string) bool { return state == Queued || state == Running }
