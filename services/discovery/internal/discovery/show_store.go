package discovery

import (
	"context"
	"time"

	"github.com/entrasync/entrasync/pkg/page"
	"github.com/entrasync/entrasync/proto/entrasync/runstate"
)

// RunState is the state of a discovery.
type RunState string

// The states.
const (
	RunRunning   RunState = runstate.Running
	RunCompleted RunState = runstate.Completed
	RunFailed    RunState = runstate.Failed
)

// Discovery is one discovery as it is stored.
type Discovery struct {
	OperationID string
	State       RunState
	StartedAt   time.Time
	CompletedAt *time.Time
	Discovered  *int32   // set when completed
	Error       *Problem // set when failed
}

// Latest is what is known of discoveries.
type Latest struct {
	Discovery       *Discovery // the one that began last; nil before the first
	LastDiscoveryAt *time.Time // when the last one completed, also one that found nothing
	Unreadable      []ManagedTenant
}

// Summary is what the status of the integration shows of discovery.
type Summary struct {
	LastDiscoveryAt *time.Time
	Active          int32
	Gone            int32
	Unreadable      []ManagedTenant
	AccessEnding    []ManagedTenant // those whose access ends within 30 days
}

// Filter chooses managed tenants.
type Filter struct {
	Query string // a part of the name, a domain, or the Entra tenant id
	State State  // empty for all
}

// ShowStore reads what discoveries have stored.
type ShowStore interface {
	Latest(ctx context.Context) (Latest, error)
	// Summary counts and lists those whose access ends by the given time.
	Summary(ctx context.Context, endingBy time.Time) (Summary, error)
	// List gives up to limit tenants after the cursor, by name key and id.
	// queryKey and query are the search in its folded and in its plain form.
	List(ctx context.Context, state State, queryKey, query string, after *page.Cursor, limit int32) ([]ManagedTenant, error)
	Count(ctx context.Context, state State, queryKey, query string, most int32) (int32, error)
	// CountOthers counts those that are not gone, except the given ones.
	CountOthers(ctx context.Context, exceptIDs []string) (int32, error)
	// Each calls each for parts of the tenants with the given ids, or of all,
	// in the order of their ids. Unknown ids are left out.
	Each(ctx context.Context, ids []string, each func([]ManagedTenant) error) error
}
