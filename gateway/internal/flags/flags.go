// Package flags is which features are on for which tenant.
package flags

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// The flags of the integration.
const (
	UI             = "entra-integration-ui"
	ClientSync     = "entra-integration-client-sync-action"
	CIPP           = "entra-integration-cipp" // defined, gates nothing that a user sees
	FieldSync      = "entra-integration-field-sync"
	AmbiguousQueue = "entra-integration-ambiguous-queue"
)

var phase1 = []struct{ key, description string }{
	{UI, "The Entra integration: every route and page of it."},
	{ClientSync, "Syncing a single client."},
	{CIPP, "Reserved for a connection through CIPP, which is not offered."},
	{FieldSync, "Field-sync rules: which fields sync may overwrite."},
	{AmbiguousQueue, "The review queue of identities that sync could not decide."},
}

// Known lists the integration's flags, in a fixed order.
func Known() []string {
	keys := make([]string, 0, len(phase1))
	for _, f := range phase1 {
		keys = append(keys, f.key)
	}
	return keys
}

// Flag is one flag as the platform sees it.
type Flag struct {
	ID          uuid.UUID
	Key         string
	Description string
	Tenants     []string // those it is on for
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Set holds the flags that are on for one tenant.
type Set map[string]bool

// On reports whether a flag is on; a flag that is not defined is off.
func (s Set) On(key string) bool { return s[key] }

// Store keeps flags and their targets.
type Store interface {
	// On gives the keys that are on for the tenant, as committed now.
	On(ctx context.Context, id tenant.ID) ([]string, error)
	// List gives every flag with its targets, by key.
	List(ctx context.Context) ([]Flag, error)
	// Create adds the flags whose keys are free and gives the keys it added.
	Create(ctx context.Context, flags []Flag) (added []string, err error)
	// Target turns the flag with this id or key on or off for a tenant;
	// errs.NotFound when there is no such flag.
	Target(ctx context.Context, idOrKey string, id tenant.ID, on bool, now time.Time) error
}

// Flags answers and changes flags. It remembers nothing between calls, so that a
// change holds from the next request on every replica.
type Flags struct {
	store Store
	now   func() time.Time
}

// New makes Flags over a store.
func New(store Store, now func() time.Time) *Flags { return &Flags{store: store, now: now} }

// For gives the flags that are on for a tenant.
func (f *Flags) For(ctx context.Context, id tenant.ID) (Set, error) {
	keys, err := f.store.On(ctx, id)
	if err != nil {
		return nil, err
	}
	set := make(Set, len(keys))
	for _, key := range keys {
		set[key] = true
	}
	return set, nil
}

// List gives every flag, by key.
func (f *Flags) List(ctx context.Context) ([]Flag, error) { return f.store.List(ctx) }

// Create defines one flag; errs.Conflict, reason "flag_exists", when the key is
// taken.
func (f *Flags) Create(ctx context.Context, key, description string) (created, all []Flag, err error) {
	made, err := f.flag(key, description)
	if err != nil {
		return nil, nil, err
	}
	added, err := f.store.Create(ctx, []Flag{made})
	if err != nil {
		return nil, nil, err
	}
	if len(added) == 0 {
		return nil, nil, errs.Of(reason.FlagExists, errs.WithMetadata("key", key))
	}
	return f.after(ctx, added)
}

// EnsurePhase1 creates those of the integration's flags that are missing, and
// leaves the others as they are.
func (f *Flags) EnsurePhase1(ctx context.Context) (created, all []Flag, err error) {
	wanted := make([]Flag, 0, len(phase1))
	for _, p := range phase1 {
		made, err := f.flag(p.key, p.description)
		if err != nil {
			return nil, nil, err
		}
		wanted = append(wanted, made)
	}
	added, err := f.store.Create(ctx, wanted)
	if err != nil {
		return nil, nil, err
	}
	return f.after(ctx, added)
}

// Target turns a flag, named by id or key, on or off for a tenant and gives it
// as it then stands. Both are idempotent; errs.NotFound, reason "flag_unknown".
func (f *Flags) Target(ctx context.Context, idOrKey string, id tenant.ID, on bool) (Flag, error) {
	if err := f.store.Target(ctx, idOrKey, id, on, f.now()); err != nil {
		if errs.KindOf(err) == errs.NotFound {
			return Flag{}, errs.Of(reason.FlagUnknown, errs.WithCause(err))
		}
		return Flag{}, err
	}
	all, err := f.store.List(ctx)
	if err != nil {
		return Flag{}, err
	}
	at := slices.IndexFunc(all, func(one Flag) bool { return one.Key == idOrKey || one.ID.String() == idOrKey })
	if at < 0 {
		return Flag{}, errs.Of(reason.FlagUnknown)
	}
	return all[at], nil
}

func (f *Flags) flag(key, description string) (Flag, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Flag{}, errs.Wrap(err, errs.Internal, reason.Internal, "")
	}
	now := f.now()
	return Flag{ID: id, Key: key, Description: description, CreatedAt: now, UpdatedAt: now}, nil
}

func (f *Flags) after(ctx context.Context, added []string) (created, all []Flag, err error) {
	all, err = f.store.List(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, one := range all {
		if slices.Contains(added, one.Key) {
			created = append(created, one)
		}
	}
	return created, all, nil
}
