package syncengine

import (
	"context"
	"strings"
)

// TenantResultFilter narrows the results of a run's managed tenants; empty fields do not.
type TenantResultFilter struct {
	State State  // as it is shown
	Q     string // the beginning of an id of the managed tenant, of its directory or client; or the code of its error
}

// TenantResultPage asks for one page of results after a place, in the order in which
// managed tenants are synced.
type TenantResultPage struct {
	RunID                     string
	Filter                    TenantResultFilter
	AfterGroup, AfterPosition int
	Size                      int
}

// TenantResultReader reads results of managed tenants.
type TenantResultReader interface {
	Run(ctx context.Context, id string) (Run, error) // ErrUnknownRun
	// TenantResults reads a page of those that are stored with one of the states; nil for all.
	TenantResults(ctx context.Context, page TenantResultPage, states []State) ([]ManagedTenant, error)
	CountTenantResults(ctx context.Context, runID, q string, states []State) (int, error)
}

// ListTenantResults pages through the results of a run's managed tenants.
type ListTenantResults struct{ store TenantResultReader }

// NewListTenantResults wires the use case.
func NewListTenantResults(store TenantResultReader) *ListTenantResults {
	return &ListTenantResults{store: store}
}

// Do returns a page; more says whether there is another one after its last. total is
// counted for the first page only, else -1.
func (l *ListTenantResults) Do(ctx context.Context, page TenantResultPage) (results []ManagedTenant, more bool, total int, err error) {
	run, err := l.store.Run(ctx, page.RunID)
	if err != nil {
		return nil, false, 0, err
	}
	page.Filter.Q = strings.ToLower(strings.TrimSpace(page.Filter.Q))
	var states []State
	if page.Filter.State != "" {
		states = storedStates(run.State, page.Filter.State)
	}
	size := page.Size
	page.Size++
	if results, err = l.store.TenantResults(ctx, page, states); err != nil {
		return nil, false, 0, err
	}
	showEnded(run, results)
	if more = len(results) > size; more {
		results = results[:size]
	}
	if page.AfterGroup > 0 {
		return results, more, -1, nil
	}
	total, err = l.store.CountTenantResults(ctx, page.RunID, page.Filter.Q, states)
	return results, more, total, err
}
