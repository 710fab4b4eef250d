package connection

import (
	"context"
	"errors"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
)

// Validate proves that tenant discovery works (F041, F043).
type Validate struct {
	Store     Store
	Providers *Providers
	Now       func() time.Time
}

// Validation is the outcome of a proof.
type Validation struct {
	CheckedAt time.Time
	Sample    int // managed tenants that came: 0 or 1
	Error     *Snapshot
}

// Do lists one managed tenant and stores what came of it; errs.Precondition
// "not_connected" when there is no connection of that kind to prove.
func (u *Validate) Do(ctx context.Context, caller Caller, kind Type) (Validation, error) {
	begun := u.Now()
	connection, ok, err := u.Store.Current(ctx, caller.Tenant)
	if err != nil {
		return Validation{}, err
	}
	if !ok || !connection.Active() || connection.Type != kind {
		return Validation{}, errNotConnected()
	}
	sample, version, err := u.probe(ctx, caller.Tenant, connection)
	checked := u.Now()
	if err == nil {
		return Validation{CheckedAt: checked, Sample: sample}, u.Store.RecordValid(ctx, caller.Tenant, connection.ID, begun, checked)
	}
	code, known := validationCode(err)
	if !known {
		return Validation{}, err // ours: it says nothing about the connection
	}
	snapshot := snapshotOf(code, err, checked)
	if err := u.Store.RecordFailed(ctx, caller.Tenant, connection.ID, version, snapshot); err != nil {
		return Validation{}, err
	}
	return Validation{CheckedAt: checked, Error: &snapshot}, nil
}

// probe reads the directory; it gives the version of the token set that it worked
// with: a failure says nothing about another, that somebody got meanwhile. After a
// failure it first gets a fresh token: an old one may still be good for an hour when
// the grant behind it is dead.
func (u *Validate) probe(ctx context.Context, tenant string, c Connection) (sample int, version string, err error) {
	access, err := u.Providers.of(ctx, tenant)
	if err != nil {
		return 0, c.SecretVersion, err
	}
	version = c.SecretVersion
	if c.Status == ValidationFailed {
		err = access.prove(ctx)
	}
	if err == nil {
		sample, err = access.provider.Probe(ctx, access.partner)
	}
	if access.used != nil {
		if used := access.used(); used != "" {
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
