// Package workflow holds the workflows. They know ids and counts, call activities and nothing
// else: no clock, no network, no store, and nothing about a person or a secret.
package workflow

import (
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	"github.com/entrasync/entrasync/proto/entrasync/runstate"
)

// The names under which the workflows are registered.
const (
	Discovery      = "DiscoveryWorkflow"
	InitialSync    = "InitialSyncWorkflow"
	AllTenantsSync = "AllTenantsSyncWorkflow"
	ClientSync     = "ClientSyncWorkflow"
	ScheduledSync  = "ScheduledSyncWorkflow"

	ScheduledDiscovery = "ScheduledDiscoveryWorkflow"
)

// The names under which the activities are registered.
const (
	DiscoverTenants    = "DiscoverTenants"
	LoadMappedTenants  = "LoadMappedTenants"
	SyncTenantUsers    = "SyncTenantUsers"
	UpsertRun          = "UpsertRun"
	FinaliseRun        = "FinaliseRun"
	RecordTenantResult = "RecordTenantResult"
	StartScheduledSync = "StartScheduledSync"

	StartScheduledDiscovery = "StartScheduledDiscovery"
	SyncQuickTenants        = "SyncQuickTenants"
)

// The states in which a run or a tenant's part of it can end, and the one in which work goes on.
const (
	StateRunning   = runstate.Running
	StateCompleted = runstate.Completed
	StateFailed    = runstate.Failed
	StateCancelled = runstate.Cancelled
)

// The codes that the workflows themselves give a failure. Others come from the services.
const (
	CodeDeadline = reason.RunDeadline   // the run's time was up
	CodeTimeout  = reason.Timeout       // an activity's time was up
	CodeInternal = reason.Internal      // unclassified
	CodeWorker   = reason.WorkerStopped // the worker that did it was stopped
)

// RunRef names a run and the tenant it belongs to, and shows that the run is the engine's.
type RunRef struct {
	TenantID string `json:"tenantId"`
	RunID    string `json:"runId"`
	Ticket   string `json:"ticket,omitempty"` // signed by the engine when it made the run; it refuses calls without
}

// Counters are outcomes over all identities of a run.
type Counters struct {
	Created     int `json:"created,omitempty"`
	Linked      int `json:"linked,omitempty"`
	Updated     int `json:"updated,omitempty"`
	Unchanged   int `json:"unchanged,omitempty"`
	Ambiguous   int `json:"ambiguous,omitempty"`
	Inactivated int `json:"inactivated,omitempty"`
	Reactivated int `json:"reactivated,omitempty"`
	Filtered    int `json:"filtered,omitempty"`
	Failed      int `json:"failed,omitempty"`
}

// DiscoveryInput starts a discovery.
type DiscoveryInput struct {
	RunRef
}

// DiscoveryOutput is how a discovery ended.
type DiscoveryOutput struct {
	State      string `json:"state"`          // completed, failed or cancelled
	Code       string `json:"code,omitempty"` // why it failed
	Discovered int    `json:"discovered"`
	Unreadable int    `json:"unreadable"`
	Gone       int    `json:"gone"`
}

// SyncInput starts a sync of many managed tenants.
type SyncInput struct {
	RunRef
	Limits Limits     `json:"limits"`
	State  FleetState `json:"state"` // empty at the start; what continue-as-new carries on
}

// Limits say how much a fleet run does at once; a zero field takes its default.
type Limits struct {
	Window              int `json:"window,omitempty"`              // clients in parallel; 8
	PageSize            int `json:"pageSize,omitempty"`            // managed tenants listed at once; 200
	TenantsPerExecution int `json:"tenantsPerExecution,omitempty"` // before it continues as new; 1,000
	Batch               int `json:"batch,omitempty"`               // quick clients in one activity, at most; 25
}

func (l Limits) orDefaults() Limits {
	for _, limit := range []struct {
		value    *int
		fallback int
	}{{&l.Window, 8}, {&l.PageSize, 200}, {&l.TenantsPerExecution, 1000}, {&l.Batch, 25}} {
		if *limit.value <= 0 {
			*limit.value = limit.fallback
		}
	}
	return l
}

// FleetState is all that a fleet run knows of itself.
type FleetState struct {
	StartedUnix int64  `json:"startedUnix,omitempty"` // seconds since 1970; 0 before it began
	PageToken   string `json:"pageToken,omitempty"`   // where the list of tenants goes on
	Listed      bool   `json:"listed,omitempty"`      // the list is at its end
	Total       int    `json:"total,omitempty"`       // managed tenants of the run
	Done        int    `json:"done,omitempty"`        // managed tenants with a result
	Failed      int    `json:"failed,omitempty"`      // of these, the ones whose round could not be done
}

// SyncOutput is how a sync ended.
type SyncOutput struct {
	State    string   `json:"state"`          // the run's, as the database has it
	Code     string   `json:"code,omitempty"` // why the run as a whole failed
	Total    int      `json:"total"`
	Done     int      `json:"done"`
	Failed   int      `json:"failed"`
	Counters Counters `json:"counters"`
}

// DiscoverTenantsOutput counts what a discovery found.
type DiscoverTenantsOutput struct {
	Discovered int `json:"discovered"`
	Unreadable int `json:"unreadable"`
	Gone       int `json:"gone"`
}

// UpsertRunOutput is where a run stands after it was begun.
type UpsertRunOutput struct {
	State string `json:"state"` // running, or terminal when it was closed before
	Total int    `json:"total"` // managed tenants that it covers
}

// LoadMappedTenantsInput asks for a page of the run's managed tenants without a result.
type LoadMappedTenantsInput struct {
	RunRef
	PageSize  int    `json:"pageSize"`
	PageToken string `json:"pageToken,omitempty"`
}

// Group is the directories of one client, to be synced one after the other.
type Group struct {
	ClientID         string   `json:"clientId"`
	ManagedTenantIDs []string `json:"managedTenantIds"`
	Quick            bool     `json:"quick,omitempty"` // each is expected to be done in a moment
}

// LoadMappedTenantsOutput is a page.
type LoadMappedTenantsOutput struct {
	Groups        []Group `json:"groups"`
	NextPageToken string  `json:"nextPageToken,omitempty"`
}

// SyncTenantUsersInput names a managed tenant to sync.
type SyncTenantUsersInput struct {
	RunRef
	ManagedTenantID string `json:"managedTenantId"`
	Upstream        int    `json:"upstream,omitempty"` // upstream errors that it has met in this run already
}

// SyncQuickTenantsInput names clients whose managed tenants are expected to be done in a moment, to be
// synced one after the other.
type SyncQuickTenantsInput struct {
	RunRef
	Groups []Group `json:"groups"`
}

// SyncQuickTenantsOutput counts the managed tenants that have a result, and names those that are left:
// each of these needs an activity of its own, and what follows it within its client waits for it.
type SyncQuickTenantsOutput struct {
	Done   int          `json:"done"`
	Failed int          `json:"failed,omitempty"`
	Left   []LeftTenant `json:"left,omitempty"`
}

// LeftTenant is a managed tenant without a result, and what was met with it.
type LeftTenant struct {
	ManagedTenantID string `json:"managedTenantId"`
	Upstream        int    `json:"upstream,omitempty"`    // upstream errors so far
	WaitSeconds     int    `json:"waitSeconds,omitempty"` // before it is tried again
}

// SyncTenantUsersOutput is the result that the engine recorded.
type SyncTenantUsersOutput struct {
	State    string   `json:"state"` // completed, partial, held, failed or cancelled
	Counters Counters `json:"counters"`
}

// RecordTenantResultInput reports that a managed tenant's round could not be
// done.
type RecordTenantResultInput struct {
	RunRef
	ManagedTenantID string `json:"managedTenantId"`
	State           string `json:"state"` // failed or cancelled
	Code            string `json:"code"`
}

// FinaliseRunInput closes a run.
type FinaliseRunInput struct {
	RunRef
	State      string `json:"state,omitempty"` // completed, failed or cancelled; empty: derived from the tenants' results
	Code       string `json:"code,omitempty"`  // why it failed
	Discovered *int   `json:"discovered,omitempty"`
}

// FinaliseRunOutput is how the run ended.
type FinaliseRunOutput struct {
	State    string   `json:"state"`
	Counters Counters `json:"counters"`
}

// ScheduledInput names the tenant whose schedule has come to its time.
type ScheduledInput struct {
	TenantID string `json:"tenantId"`
	Ticket   string `json:"ticket,omitempty"` // of the schedule, signed by the engine
}

// StartScheduledOutput is the run that was started or joined.
type StartScheduledOutput struct {
	RunID  string `json:"runId"`
	Joined bool   `json:"joined,omitempty"`
}
