// Package searchattribute names the search attributes by which operators find runs in Temporal.
package searchattribute

// The attributes, all of type Keyword. Their values are ids and codes.
const (
	Tenant  = "EntrasyncTenant"  // whose run it is
	Client  = "EntrasyncClient"  // of a run over one client
	RunType = "EntrasyncRunType" // initial, all-tenants, single-client or discovery
	RunID   = "EntrasyncRunId"   // as the API names it
	State   = "EntrasyncState"   // queued, running, completed, partial, failed, cancelled or held
)

// All lists the attributes.
func All() []string { return []string{Tenant, Client, RunType, RunID, State} }
