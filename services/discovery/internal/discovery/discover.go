package discovery

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/searchkey"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// readers is how many directories are read at once.
const readers = 8

// fewTenants is how many managed tenants may all fail temporarily without being taken for an
// outage of the partner's connection.
const fewTenants = 5

// failWait bounds storing a failure after the caller has left.
const failWait = 5 * time.Second

// Listed is a managed tenant as the partner's listing names it.
type Listed struct {
	EntraTenantID string
	DisplayName   string
	PrimaryDomain string // empty where the listing does not know it
	AccessEndsAt  *time.Time
}

// Details is what a managed tenant's own directory contains.
type Details struct {
	PrimaryDomain string
	Domains       []string
	UserCount     *int32   // nil when it could not be counted
	Problem       *Problem // set when the directory refused
}

// Partner reads the MSP's own directory and those of its customers.
type Partner interface {
	// ListManagedTenants calls each for every part of the listing. A nil error
	// means that the listing is complete. Errors carry the connection's reason.
	ListManagedTenants(ctx context.Context, each func([]Listed) error) error
	// Details reads one managed tenant. A directory that refuses is no error.
	Details(ctx context.Context, entraTenantID string) (Details, error)
}

// Result is what a completed discovery found.
type Result struct {
	Discovered int32 // tenants in the listing
	Unreadable int32 // of them, those that are unreadable now
	Gone       int32 // tenants that this discovery marked as gone
}

// RunStore keeps what a discovery does. Times are given, ids are UUIDs.
type RunStore interface {
	// Begin stores a discovery as running. For one that has completed already
	// it returns the result instead.
	Begin(ctx context.Context, operationID string, at time.Time) (*Result, error)
	// Complete writes what a complete listing found, marks what it did not find
	// as gone, and completes the discovery: all of it or nothing. Where a discovery
	// that began later has completed already, the listing is old and is not written.
	Complete(ctx context.Context, operationID string, found []Found, at time.Time) (Result, error)
	// Fail stores why a discovery failed.
	Fail(ctx context.Context, operationID string, problem Problem, at time.Time) error
}

// Discover is the use case of finding the managed tenants.
type Discover struct {
	partner Partner
	store   RunStore
	now     func() time.Time
	newID   func() string
}

// NewDiscover makes the use case; newID gives a new time-ordered UUID.
func NewDiscover(partner Partner, store RunStore, now func() time.Time, newID func() string) *Discover {
	return &Discover{partner: partner, store: store, now: now, newID: newID}
}

// Do reads the partner's managed tenants and stores them under the operation's
// id. progress is called, by one goroutine at a time, with the tenants listed
// and read so far. Calling it again for the same operation repeats one that
// failed and returns the result of one that completed. A failure is stored and
// returned, with the connection's reason; what was known of managed tenants
// then stays as it is.
func (r *Discover) Do(ctx context.Context, operationID string, progress func(seen, read int)) (Result, error) {
	done, err := r.store.Begin(ctx, operationID, r.now())
	if err != nil {
		return Result{}, err
	}
	if done != nil {
		return *done, nil
	}
	found, err := r.find(ctx, progress)
	if err == nil {
		var result Result
		if result, err = r.store.Complete(ctx, operationID, found, r.now()); err == nil {
			return result, nil
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), failWait)
	defer cancel()
	return Result{}, errors.Join(err, r.store.Fail(ctx, operationID, problemOf(err), r.now()))
}

func (r *Discover) find(ctx context.Context, progress func(seen, read int)) ([]Found, error) {
	var found []Found
	index := map[string]int{}
	err := r.partner.ListManagedTenants(ctx, func(part []Listed) error {
		for _, listed := range part {
			tenant := r.foundIn(listed)
			if tenant.EntraTenantID == "" || utf8.RuneCountInString(tenant.EntraTenantID) > maxID {
				return errs.New(errs.Unavailable, reason.UpstreamError, "The partner's directory named a customer without an id, or with one that cannot be an id.",
					errs.WithMetadata(reason.ClassKey, string(reason.ClassRetry)))
			}
			if at, seen := index[tenant.EntraTenantID]; seen {
				found[at].AccessEndsAt = later(found[at].AccessEndsAt, tenant.AccessEndsAt)
				continue
			}
			index[tenant.EntraTenantID] = len(found)
			found = append(found, tenant)
		}
		progress(len(found), 0)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, r.read(ctx, found, progress)
}

func (r *Discover) foundIn(listed Listed) Found {
	found := Found{
		ID: r.newID(), EntraTenantID: cleanID(listed.EntraTenantID), DisplayName: cleanName(listed.DisplayName),
		AccessEndsAt: listed.AccessEndsAt,
	}
	if domains := cleanDomains(listed.PrimaryDomain); len(domains) == 1 {
		found.PrimaryDomain = domains[0]
	}
	return found
}

// later returns the later end of access; nil is access that does not end.
func later(a, b *time.Time) *time.Time {
	if a == nil || b == nil {
		return nil
	}
	if a.After(*b) {
		return a
	}
	return b
}

// read fills in what the directories themselves say, several at once. It ends
// at the first failure that is not one directory's own, and fails as all do when
// none of many can be read at this moment.
func (r *Discover) read(ctx context.Context, found []Found, progress func(seen, read int)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		wg      sync.WaitGroup
		mu      sync.Mutex
		reading = make(chan *Found)
		count   int
	)
	for range min(readers, len(found)) {
		wg.Go(func() {
			for tenant := range reading {
				if err := r.readOne(ctx, tenant); err != nil {
					cancel(err)
					continue // drains the channel
				}
				mu.Lock()
				count++
				progress(len(found), count)
				mu.Unlock()
			}
		})
	}
	for i := range found {
		if ctx.Err() != nil {
			break
		}
		reading <- &found[i]
	}
	close(reading)
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return outage(found)
}

// outage returns the failure of a partner of whose many tenants none can be
// read at the moment; nil otherwise.
func outage(found []Found) error {
	if len(found) <= fewTenants || slices.ContainsFunc(found, func(f Found) bool { return !f.Passing }) {
		return nil
	}
	p := found[0].Problem
	return errs.New(errs.Unavailable, p.Code, p.Message, errs.WithMetadata(reason.ClassKey, string(reason.ClassRetry)), errs.WithMetadata("remedy", p.Remedy))
}

func (r *Discover) readOne(ctx context.Context, tenant *Found) error {
	details, err := r.partner.Details(ctx, tenant.EntraTenantID)
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		own, passing := concernsOne(err)
		if !own {
			return err
		}
		problem := problemOf(err)
		details, tenant.Passing = Details{Problem: &problem}, passing
	}
	tenant.Problem, tenant.UserCount = details.Problem, details.UserCount
	if domains := cleanDomains(details.PrimaryDomain); len(domains) == 1 {
		tenant.PrimaryDomain = domains[0]
	}
	tenant.Domains = cleanDomains(details.Domains...)
	primaryFirst(tenant.Domains, tenant.PrimaryDomain)
	if len(tenant.Domains) > 0 && tenant.PrimaryDomain == "" {
		tenant.PrimaryDomain = tenant.Domains[0]
	}
	if tenant.DisplayName == "" {
		tenant.DisplayName = firstOf(tenant.PrimaryDomain, tenant.EntraTenantID)
	}
	tenant.NameKey = searchkey.Of(tenant.DisplayName)
	return nil
}

// concernsOne reports a failure that concerns one managed tenant alone, and
// whether it passes without a change in that tenant: a temporary failure of
// Microsoft, or a wrong request of ours. A failure that the partner must fix by
// connecting again, and one of our own parts (which carries no class), concern all.
func concernsOne(err error) (own, passing bool) {
	e, ok := errors.AsType[*errs.Error](err)
	if !ok {
		return false, false
	}
	switch reason.Class(e.Metadata()[reason.ClassKey]) {
	case reason.ClassCustomer:
		return true, false
	case reason.ClassRetry, reason.ClassBug:
		return true, true
	}
	return false, false
}

func problemOf(err error) Problem {
	e, ok := errors.AsType[*errs.Error](err)
	if !ok {
		return Problem{Code: reason.Internal, Message: "The discovery failed.", Remedy: ""}
	}
	return Problem{Code: e.Reason(), Message: e.Public(), Remedy: e.Metadata()["remedy"]}
}
