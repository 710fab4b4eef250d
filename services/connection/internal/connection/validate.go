package connection

import (
	"context"
	"errors"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
)

// Validate proves that tenant discovery works (F041, F043).
type Validate struct {
	store Store
	kinds *Kinds
	now   func() time.Time
}

// NewValidate makes the use case.
func NewValidate(store Store, kinds *Kinds, now func() time.Time) *Validate {
	return &Validate{store: store, kinds: kinds, now: now}
}

// Validation is the outcome of a proof.
type Validation struct {
	CheckedAt time.Time
	Sample    int // managed tenants that came: 0 or 1
	Error     *Snapshot
}

// Do lists one managed tenant and stores what came of it; errs.Precondition
// "not_connected" when there is no connection of that kind to prove.
func (u *Validate) Do(ctx context.Context, kind Type) (Validation, error) {
	begun := u.now()
	connection, ok, err := u.store.Current(ctx)
	if err != nil {
		return Validation{}, err
	}
	if !ok || !connection.Active() || connection.Type != kind {
		return Validation{}, errNotConnected()
	}
	sample, version, err := u.probe(ctx, connection)
	checked := u.now()
	if err == nil {
		return Validation{CheckedAt: checked, Sample: sample}, u.store.RecordValid(ctx, connection.ID, begun, checked)
	}
	code, known := validationCode(err)
	if !known {
		return Validation{}, err // ours: it says nothing about the connection
	}
	snapshot := SnapshotOf(code, err, checked)
	if err := u.store.RecordFailed(ctx, connection.ID, version, snapshot); err != nil {
		return Validation{}, err
	}
	return Validation{CheckedAt: checked, Error: &snapshot}, nil
}

// probe reads the directory; it gives the version of the token set that it worked
// with: a failure says nothing about another, that somebody got meanwhile. After a
// failure it first gets a fresh token: an old one may still be good for an hour when
// the grant behind it is dead.
func (u *Validate) probe(ctx context.Context, c Connection) (sample int, version string, err error) {
	access, err := u.kinds.open(ctx)
	if err != nil {
		return 0, c.SecretVersion, err
	}
	version = c.SecretVersion
	if c.Status == ValidationFailed {
		err = access.Prove(ctx)
	}
	if err == nil {
		sample, err = access.Provider.Probe(ctx, access.Partner)
	}
	if access.Used != nil {
		if used := access.Used(); used != "" {
			version = used
		}
	}
	return sample, version, err
}

// validationCode is the code of behaviour §1 for a failure.
func validationCode(err error) (code string, known bool) {
	if _, ok := errors.AsType[refusedGrant](err); ok && ClassOf(err) == Reconnect {
		return ReasonRefreshFailed, true
	}
	switch reason := errs.ReasonOf(err); reason {
	case ReasonMissingCredentials, ReasonRefreshFailed, ReasonAuthRejected, ReasonConsentMissing, ReasonThrottled,
		ReasonUpstreamError, ReasonUnreachable:
		return reason, true
	case ReasonConditionalAccess, ReasonGDAPEnded, ReasonTenantGone, // at the partner's own authority
		ReasonGrantMissing: // the text says that it was not Microsoft
		return ReasonRefreshFailed, true
	case ReasonBaseURLRefused: // its name leads elsewhere now
		return ReasonUnreachable, true
	}
	return "", false
}
