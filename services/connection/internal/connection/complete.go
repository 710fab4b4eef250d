package connection

import (
	"context"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/settle"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// ErrInvalidCompletion refuses a completion code that is unknown, used, or
// somebody else's.
var ErrInvalidCompletion = errs.Of(reason.InvalidCompletion, errs.WithViolation("completionCode", "is unknown, used, or somebody else's"))

// ErrExpiredCompletion refuses a completion code that waited too long.
var ErrExpiredCompletion = errs.Of(reason.ExpiredCompletion, errs.WithViolation("completionCode", "has expired"))

// Complete finishes a flow that was started with a bearer token.
type Complete struct {
	pendings   PendingStore
	activation *Activation
	effects    *settle.Waiter
	now        func() time.Time
}

// NewComplete makes the use case.
func NewComplete(pendings PendingStore, activation *Activation, effects *settle.Waiter, now func() time.Time) *Complete {
	return &Complete{pendings: pendings, activation: activation, effects: effects, now: now}
}

// Do stores the grant that waits under the code, once, if the caller is who
// started the flow. It reports whether the effects have settled.
func (u *Complete) Do(ctx context.Context, caller Caller, code Secret) (effects string, err error) {
	pending, ok, err := u.pendings.FindPending(ctx, hashOf(code))
	if err != nil {
		return "", err
	}
	switch {
	case !ok, caller.User == "", pending.User != caller.User, pending.Taken:
		return "", ErrInvalidCompletion
	case !u.now().Before(pending.ExpiresAt), pending.Grant == "":
		return "", ErrExpiredCompletion
	}
	grant, err := DecodeGrant(pending.Grant)
	if err != nil {
		return "", err
	}
	effect, err := u.activation.do(ctx, caller.User, Proven{grant, pending.ClientID}, Arrival{PendingID: pending.ID})
	if err != nil {
		return "", err
	}
	return u.effects.Wait(ctx, effect), nil
}
