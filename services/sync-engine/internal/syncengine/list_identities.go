package syncengine

import (
	"context"
	"strings"
	"time"

	"github.com/entrasync/entrasync/pkg/text"
)

// FieldChange is one field of a contact that changes.
type FieldChange struct{ Field, Before, After string }

// RunIdentity is what a run did, or a dry run would do, with one identity.
type RunIdentity struct {
	Place             IdentityPlace
	DisplayName       string
	UserPrincipalName string
	Outcome           string // as in the counters; or held, which counts as unchanged where it was listed
	Reason            string // empty where the outcome needs none
	Pattern           string
	ContactID         string
	Changes           []FieldChange
}

// IdentityPlace is the place of an identity in a run's report, by which it is sorted.
type IdentityPlace struct {
	ManagedTenantID string
	ObjectID        string // empty for a record that came without one
	Number          int    // tells such records apart; else 0
}

// IdentityFilter narrows a run's report; empty fields do not.
type IdentityFilter struct {
	ManagedTenantID, Outcome, Reason string
	Q                                string // the beginning of a word of the name, or of the sign-in name
}

// narrows reports that identities of a report are looked through for those wanted.
func (f *IdentityFilter) narrows() bool {
	return f.Outcome+f.Reason+f.Q != ""
}

// IdentityPage asks for one page of a run's report.
type IdentityPage struct {
	RunID  string
	Filter IdentityFilter
	After  *IdentityPlace
	UpTo   *IdentityPlace // nil for the end
	Size   int
}

// countedIdentities is up to how many identities a report is counted.
const countedIdentities = 10_000

// A report of a million may have nobody whom a filter wants. A request looks through parts
// of so many identities until one has somebody, and for so long.
const (
	readIdentities = 50_000
	searchTime     = 2 * time.Second
)

// IdentityReader reads reports of runs.
type IdentityReader interface {
	Run(ctx context.Context, id string) (Run, error) // ErrUnknownRun
	// RunIdentitiesTo is the place of the last of so many identities of the page's managed
	// tenant, whatever else the filter says; nil where there are fewer.
	RunIdentitiesTo(ctx context.Context, page IdentityPage, most int) (*IdentityPlace, error)
	// RunIdentities are those after the page's place, and up to one where it has one.
	RunIdentities(ctx context.Context, page IdentityPage) ([]RunIdentity, error)
	// CountRunIdentities counts up to so many, up to the page's place where it has one.
	CountRunIdentities(ctx context.Context, page IdentityPage, most int) (int, error)
}

// Identities is one page of a run's report.
type Identities struct {
	Identities []RunIdentity
	Next       *IdentityPlace // nil after the last page
	Cut        bool           // the rest was not looked at: the page may have few identities, or none
	Total      int            // of the first page; else -1
	Minimum    bool           // there are more than Total
	Kept       bool           // false once the identities were deleted
}

// ListIdentities pages through the report of a run.
type ListIdentities struct {
	store IdentityReader
	keep  int
	now   func() time.Time
}

// NewListIdentities wires the use case; keep is for how many days identities are kept.
func NewListIdentities(store IdentityReader, keep int, now func() time.Time) *ListIdentities {
	return &ListIdentities{store: store, keep: keep, now: now}
}

// Do returns one page, in order of managed tenant and object id.
func (l *ListIdentities) Do(ctx context.Context, page IdentityPage) (Identities, error) {
	run, err := l.store.Run(ctx, page.RunID)
	if err != nil {
		return Identities{}, err
	}
	page.Filter.Q = strings.ToLower(strings.TrimSpace(text.Normalise(page.Filter.Q)))
	first, until := page.After == nil, l.now().Add(searchTime)
	var found Identities
	for {
		if page.Filter.narrows() {
			if page.UpTo, err = l.store.RunIdentitiesTo(ctx, page, readIdentities); err != nil {
				return Identities{}, err
			}
		}
		if found, err = l.part(ctx, page); err != nil {
			return Identities{}, err
		}
		if len(found.Identities) > 0 || !found.Cut || !l.now().Before(until) {
			break
		}
		page.After = page.UpTo
	}
	found.Kept = l.kept(run)
	if !first {
		return found, nil
	}
	// The parts before had nobody.
	found.Total, err = l.store.CountRunIdentities(ctx, page, countedIdentities+1)
	found.Minimum = page.UpTo != nil
	if found.Total > countedIdentities {
		found.Total, found.Minimum = countedIdentities, true
	}
	return found, err
}

// part is a page of the report between the page's places.
func (l *ListIdentities) part(ctx context.Context, page IdentityPage) (found Identities, err error) {
	found.Total = -1
	size := page.Size
	page.Size++ // one more shows whether there is a next page
	if found.Identities, err = l.store.RunIdentities(ctx, page); err != nil {
		return found, err
	}
	if len(found.Identities) > size {
		found.Identities = found.Identities[:size]
		found.Next = &found.Identities[size-1].Place
		return found, nil
	}
	found.Next, found.Cut = page.UpTo, page.UpTo != nil
	return found, nil
}

// kept reports whether the run's identities are still there: they are deleted by the day on
// which the run was made.
func (l *ListIdentities) kept(run Run) bool {
	day := func(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }
	return l.keep <= 0 || !day(run.CreatedAt).Before(day(l.now()).AddDate(0, 0, -l.keep))
}
