package core

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

const (
	// keyLease is how long a request that still runs keeps others of its key out. It is longer than
	// the deadline of a method.
	keyLease = time.Minute
	// keepAnswer is how long an answer is given again.
	keepAnswer = 24 * time.Hour
	// maxAnswer is the longest answer that is kept, in bytes.
	maxAnswer = 64 << 10
	// answersPerTenant is how many bytes of answers are kept for a tenant, unless NewKeys is
	// told otherwise.
	answersPerTenant = 64 << 20
	// perKey is counted for each key beside its answer.
	perKey = 256
	// trims is how often the answers of a tenant are counted while a whole budget
	// of new ones comes.
	trims = 64
)

var keyPattern = regexp.MustCompile(`\A[\x21-\x7e]{1,255}\z`)

// repeatable names a request that may be repeated.
type repeatable struct {
	Tenant tenant.ID // empty for the platform
	Actor  string
	Route  string // the method
	Key    string // what the caller chose
	Body   []byte // the decoded request, encoded deterministically
}

// KeyClaim is a request with a key, as a store sees it.
type KeyClaim struct {
	Scope     [32]byte // hash of tenant, actor, route and key
	Tenant    tenant.ID
	Owner     uuid.UUID // of this attempt
	BodyHash  [32]byte
	Now       time.Time
	Lease     time.Duration // by the store's clock
	ExpiresAt time.Time
}

// KeyState is what a store has for a claim.
type KeyState struct {
	Owned     bool // the claim holds: run the method
	OtherBody bool
	Answer    []byte        // sealed; nil while the first request runs
	LeaseLeft time.Duration // while it runs
}

// KeyStore keeps claims and sealed answers.
type KeyStore interface {
	Claim(ctx context.Context, c KeyClaim) (KeyState, error)
	Answer(ctx context.Context, c KeyClaim, sealed []byte) error
	Release(ctx context.Context, c KeyClaim) error
	// Trim forgets the oldest answers of a tenant, so that those that stay have at
	// most so many bytes, counting perKey more for each.
	Trim(ctx context.Context, id tenant.ID, bytes, perKey int64) error
}

// Box seals answers.
type Box interface {
	Seal(plain []byte, associated string) ([]byte, error)
	Open(sealed []byte, associated string) ([]byte, error)
}

// Keys gives repeated requests their first answer.
type Keys struct {
	store  KeyStore
	box    Box
	budget int64
	now    func() time.Time

	mu    sync.Mutex
	grown map[tenant.ID]int64 // bytes kept by this process since the last count
}

// NewKeys makes Keys; budget is how many bytes of answers are kept for a tenant,
// 64 MiB when 0.
func NewKeys(store KeyStore, box Box, budget int64, now func() time.Time) *Keys {
	if budget <= 0 {
		budget = answersPerTenant
	}
	return &Keys{store: store, box: box, budget: budget, now: now, grown: map[tenant.ID]int64{}}
}

// attempt is a request that was let through and must be ended by store or
// release.
type attempt struct {
	keys  *Keys
	claim KeyClaim
}

// keyOf is the key of a request, empty where it has none. errs.Invalid for a malformed one, and
// for one that is given twice.
func keyOf(given []string) (string, error) {
	switch {
	case len(given) == 0, len(given) == 1 && given[0] == "":
		return "", nil
	case len(given) > 1:
		return "", errs.Of(reason.InvalidArgument, errs.WithViolation("Idempotency-Key", "is given twice"))
	case !keyPattern.MatchString(given[0]):
		return "", errs.Of(reason.InvalidArgument, errs.WithViolation("Idempotency-Key", "must be 1 to 255 printable ASCII characters"))
	}
	return given[0], nil
}

// begin gives the stored answer, or an attempt when the method is to run. errs.Conflict, reasons
// "idempotency_key_reused" (another body) and "idempotency_in_progress".
func (k *Keys) begin(ctx context.Context, r repeatable) (answer []byte, first *attempt, err error) {
	owner, err := uuid.NewV7()
	if err != nil {
		return nil, nil, errs.Wrap(err, errs.Internal, reason.Internal, "")
	}
	now := k.now()
	claim := KeyClaim{
		Scope: scope(r), Tenant: r.Tenant, Owner: owner, BodyHash: sha256.Sum256(r.Body),
		Now: now, Lease: keyLease, ExpiresAt: now.Add(keepAnswer),
	}
	found, err := k.store.Claim(ctx, claim)
	switch {
	case err != nil:
		return nil, nil, err
	case found.Owned:
		return nil, &attempt{keys: k, claim: claim}, nil
	case found.OtherBody:
		return nil, nil, errs.Of(reason.IdempotencyKeyReused)
	case found.Answer == nil:
		return nil, nil, errs.Of(reason.IdempotencyInProgress, errs.WithRetryAfter(max(found.LeaseLeft, time.Second)))
	}
	answer, err = k.box.Open(found.Answer, associated(claim))
	return answer, nil, err
}

// store keeps the answer.
func (a *attempt) store(ctx context.Context, answer []byte) error {
	sealed, err := a.keys.box.Seal(answer, associated(a.claim))
	if err != nil {
		return err
	}
	if err := a.keys.store.Answer(ctx, a.claim, sealed); err != nil {
		return err
	}
	return a.keys.trim(ctx, a.claim.Tenant, int64(len(sealed))+perKey)
}

// trim counts what was kept for a tenant and now and then forgets the oldest
// answers beyond the budget: what is repeated is repeated soon, and a refusal
// would stop people's work for the sake of it.
func (k *Keys) trim(ctx context.Context, id tenant.ID, bytes int64) error {
	k.mu.Lock()
	grown, known := k.grown[id]
	k.grown[id] = grown + bytes
	due := !known || grown+bytes > k.budget/trims
	if due {
		k.grown[id] = 0
	}
	k.mu.Unlock()
	if !due {
		return nil
	}
	return k.store.Trim(ctx, id, k.budget, perKey)
}

// release lets the next request with the key run the method.
func (a *attempt) release(ctx context.Context) error { return a.keys.store.Release(ctx, a.claim) }

// scope hashes with lengths, so that no two different requests meet.
func scope(r repeatable) [32]byte {
	sum := sha256.New()
	for _, part := range []string{string(r.Tenant), r.Actor, r.Route, r.Key} {
		hash := sha256.Sum256([]byte(part))
		_, _ = sum.Write(hash[:])
	}
	return [32]byte(sum.Sum(nil))
}

func associated(c KeyClaim) string {
	return "idempotency/" + string(c.Tenant) + "/" + hex.EncodeToString(c.Scope[:])
}
