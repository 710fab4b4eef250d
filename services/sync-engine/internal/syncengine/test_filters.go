package syncengine

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/text"
)

// How filters that are tried differ from those in force.
const (
	ChangeDropped = "dropped"  // comes now, and would be left out
	ChangeAdded   = "added"    // is left out now, and would come
	ChangeLeftOut = "left_out" // is now, and would be
)

// Bounds of a test.
const (
	maxTested      = 10_000  // users of a directory
	maxTestedKept  = 100_000 // of its last listing
	maxTestedShown = 1000
	maxTestedTime  = 10 * time.Second // that patterns take; each may look at a name for as long as it is allowed to
)

// FilterTest is what somebody wants to try.
type FilterTest struct {
	ManagedTenantID string // empty for the tenant's settings, with a sample
	Filters         Stated
	Sample          []User // none: the directory as it is now
	// Instead of it, those of its last listing whom filters decide about.
	LastListing bool
}

// FilterVerdict is what filters say of an identity; empty for one that passes.
type FilterVerdict struct{ Reason, Pattern string }

// TestedIdentity is an identity that is left out, or treated otherwise.
type TestedIdentity struct {
	ObjectID, UserPrincipalName, DisplayName string
	Change                                   string
	Now, Then                                FilterVerdict
}

// FilterTestResult is what a test came to.
type FilterTestResult struct {
	Identities                     []TestedIdentity // dropped, added, left out; at most a thousand
	Total, Dropped, Added, LeftOut int
	Linked                         int            // of the total: they stay linked, whatever filters say
	Filtered                       map[string]int // would be, by reason
	MoreUsers                      bool           // than were tried
}

// FilterTestUsers lists the users of a directory, for a test.
type FilterTestUsers interface {
	// EachUser calls page with users until there are no more, or page returns an error.
	EachUser(ctx context.Context, entraTenantID string, page func([]User) error) error
	GroupSource
}

// FilterTestStore has the settings in force, and of a directory's last listing the
// identities that filters decide about: those without a link, and those left out.
type FilterTestStore interface {
	RoundSettings(ctx context.Context, managedTenantID string, now time.Time) (Settings, error)
	// EachKeptUser calls page with them, except records that could not be taken, until
	// there are no more, or page returns an error.
	EachKeptUser(ctx context.Context, entraTenantID string, page func([]User) error) error
	// Linked are those of some identities of a directory that have a link.
	Linked(ctx context.Context, entraTenantID string, objectIDs []string) (map[string]bool, error)
}

// TestFilters tries filters before they are saved.
type TestFilters struct {
	store   FilterTestStore
	users   FilterTestUsers
	mapping RoundMapping
	now     func() time.Time
}

// NewTestFilters wires the use case.
func NewTestFilters(store FilterTestStore, users FilterTestUsers, mapping RoundMapping, now func() time.Time) *TestFilters {
	return &TestFilters{store: store, users: users, mapping: mapping, now: now}
}

// errEnough ends a listing of which enough was read.
var errEnough = errors.New("enough users")

// Do tries the filters and saves nothing. errs.Invalid with every violation;
// errs.NotFound, reason not_mapped.
func (t *TestFilters) Do(ctx context.Context, test FilterTest) (FilterTestResult, error) {
	filters, err := checked(test.Filters)
	if err != nil {
		return FilterTestResult{}, err
	}
	entraTenantID, err := t.directoryOf(ctx, test)
	if err != nil {
		return FilterTestResult{}, err
	}
	stand, err := t.store.RoundSettings(ctx, test.ManagedTenantID, t.now())
	if err != nil {
		return FilterTestResult{}, err
	}
	tried := stand.With(filters)
	if err := checkBoth(tried.State()); err != nil {
		return FilterTestResult{}, err
	}
	run, err := t.begin(ctx, entraTenantID, stand, tried)
	if err != nil {
		return FilterTestResult{}, err
	}
	page := func(users []User) error { return run.page(ctx, users) }
	switch {
	case len(test.Sample) > 0:
		err = page(test.Sample)
	case test.LastListing:
		run.most = maxTestedKept
		err = t.store.EachKeptUser(ctx, entraTenantID, page)
	default:
		run.linked = func(ctx context.Context, objectIDs []string) (map[string]bool, error) {
			return t.store.Linked(ctx, entraTenantID, objectIDs)
		}
		err = t.users.EachUser(ctx, entraTenantID, page)
	}
	if err != nil && !errors.Is(err, errEnough) {
		return FilterTestResult{}, err
	}
	return run.result(), nil
}

// directoryOf is the directory that is tried; empty for a sample of none.
func (t *TestFilters) directoryOf(ctx context.Context, test FilterTest) (string, error) {
	var problems violations
	if test.LastListing && len(test.Sample) > 0 {
		problems.add("lastListing", "cannot be tried with identities to try")
	}
	if test.ManagedTenantID == "" {
		if len(test.Sample) == 0 {
			problems.add("managedTenantId", "is needed, or identities to try")
		}
		if test.Filters.Groups != nil && len(*test.Filters.Groups) > 0 {
			problems.add("managedTenantId", "is needed to try groups: they belong to a directory")
		}
	}
	if err := problems.err(); err != nil || test.ManagedTenantID == "" {
		return "", err
	}
	mapped, ok, err := t.mapping.MappedTenant(ctx, test.ManagedTenantID)
	if err == nil && !ok {
		err = errNotMapped
	}
	return mapped.EntraTenantID, err
}

// begin reads the groups' members; a sample of no directory is tried without them.
func (t *TestFilters) begin(ctx context.Context, entraTenantID string, stand, tried Settings) (*filterTest, error) {
	var err error
	if entraTenantID != "" {
		ask := groupsOf{source: t.users, entraTenantID: entraTenantID, priority: "high", step: func() error { return nil }}
		if stand, err = ask.scoped(ctx, stand); err != nil {
			// What stands may be what is to be mended.
			if errs.KindOf(err) != errs.Precondition {
				return nil, err
			}
			stand.Members = NewMembers(nil)
		}
		if tried, err = ask.scoped(ctx, tried); err != nil {
			return nil, err
		}
	}
	run := &filterTest{most: maxTested, now: t.now}
	if run.stand, err = NewReader(stand); err != nil {
		return nil, err
	}
	run.tried, err = NewReader(tried)
	run.so.Filtered = map[string]int{}
	return run, err
}

// filterTest is a test under way.
type filterTest struct {
	stand, tried *Reader
	most         int // users that are tried
	// linked are those of a page that have a link; nil where nobody tried has one.
	linked func(ctx context.Context, objectIDs []string) (map[string]bool, error)
	now    func() time.Time
	took   time.Duration // to try them
	so     FilterTestResult
	by     map[string][]TestedIdentity // by their change
}

// page tries a page. Patterns may take their time: nobody waits for it after the caller has gone.
func (t *filterTest) page(ctx context.Context, users []User) error {
	ids := make([]string, len(users))
	for i := range users {
		ids[i] = text.Normalise(users[i].ObjectID)
	}
	var linked map[string]bool
	if t.linked != nil {
		var err error
		if linked, err = t.linked(ctx, ids); err != nil {
			return err
		}
	}
	for i := range users {
		if err := ctx.Err(); err != nil {
			return err
		}
		if t.so.Total == t.most || t.took >= maxTestedTime {
			t.so.MoreUsers = true
			return errEnough
		}
		t.so.Total++
		if linked[ids[i]] {
			t.so.Linked++
			continue
		}
		began := t.now()
		t.one(&users[i])
		t.took += t.now().Sub(began)
	}
	return nil
}

func (t *filterTest) one(u *User) {
	before, after := t.stand.Read(u), t.tried.Read(u)
	now, then := verdictOf(&before), verdictOf(&after)
	if then.Reason != "" {
		t.so.Filtered[then.Reason]++
	}
	var change string
	switch {
	case now.Reason == "" && then.Reason != "":
		change = ChangeDropped
		t.so.Dropped++
	case now.Reason != "" && then.Reason == "":
		change = ChangeAdded
		t.so.Added++
	case then.Reason != "":
		change = ChangeLeftOut
		t.so.LeftOut++
	default:
		return
	}
	if t.by == nil {
		t.by = map[string][]TestedIdentity{}
	}
	if len(t.by[change]) == maxTestedShown {
		return
	}
	t.by[change] = append(t.by[change], TestedIdentity{
		ObjectID: after.ObjectID, UserPrincipalName: text.Normalise(u.UserPrincipalName), DisplayName: cmp.Or(after.FullName, text.Normalise(u.DisplayName)),
		Change: change, Now: now, Then: then,
	})
}

func verdictOf(id *Identity) FilterVerdict {
	return FilterVerdict{Reason: cmp.Or(id.Failure, id.Verdict), Pattern: id.Pattern}
}

func (t *filterTest) result() FilterTestResult {
	t.so.Identities = slices.Concat(t.by[ChangeDropped], t.by[ChangeAdded], t.by[ChangeLeftOut])
	t.so.Identities = t.so.Identities[:min(len(t.so.Identities), maxTestedShown)]
	return t.so
}
