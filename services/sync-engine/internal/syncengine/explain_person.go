package syncengine

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/text"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// explainChoices is how many identities are offered where one was meant.
const explainChoices = 20

// explainTarget is who is explained: by the object id, or by the sign-in name where
// that is not known.
type explainTarget struct {
	KnownIdentity
}

// objectIDForm is what Microsoft's object ids look like.
var objectIDForm = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// locate finds who is meant and what the directory is mapped to; nil where the
// explanation is at its end.
func (x *explaining) locate(ctx context.Context, req ExplainRequest) (*explainTarget, MappedTenant, error) {
	if typed := strings.TrimSpace(text.Normalise(req.Query)); typed != "" {
		switch address, ok := NormaliseAddress(typed); {
		case ok:
			req.UserPrincipalName = address
		case objectIDForm.MatchString(typed):
			req.ObjectID = strings.ToLower(typed)
		}
		req.Query = typed
	}
	found, err := x.search(ctx, req)
	if err != nil {
		return nil, MappedTenant{}, err
	}
	if found == nil {
		return nil, MappedTenant{}, nil
	}
	mapped, ok, err := x.mapping.ExistingTenant(ctx, found.ManagedTenantID)
	if err != nil {
		return nil, MappedTenant{}, err
	}
	if !ok || mapped.ClientID == "" {
		x.so.Person = *found
		x.end(OutcomeNotSynced, reason.NotMapped)
		x.step("mapping", StepStopped, "The directory is not mapped to a client, so that nobody of it is synced. Map it first.")
		return nil, MappedTenant{}, nil
	}
	found.EntraTenantID = mapped.EntraTenantID
	return &explainTarget{KnownIdentity: *found}, mapped, nil
}

// search finds the one identity that is meant; nil where there are several.
func (x *explaining) search(ctx context.Context, req ExplainRequest) (*KnownIdentity, error) {
	if req.ManagedTenantID != "" && req.ObjectID != "" {
		return &KnownIdentity{ManagedTenantID: req.ManagedTenantID, ObjectID: req.ObjectID}, nil
	}
	address, _ := NormaliseAddress(req.UserPrincipalName)
	search := IdentitySearch{ManagedTenantID: req.ManagedTenantID, ObjectID: req.ObjectID, EmailNorm: address}
	if req.ObjectID == "" && req.UserPrincipalName == "" {
		search.NameStart = NameKey(req.Query)
	}
	var known []KnownIdentity
	var err error
	if search.ObjectID+search.EmailNorm+search.NameStart != "" {
		if known, err = x.store.FindIdentities(ctx, search, explainChoices); err != nil {
			return nil, err
		}
	}
	switch {
	case len(known) == 1:
		return &known[0], nil
	case len(known) > 1:
		x.so.Choices = known
		return nil, nil // the choices are the answer
	case req.ManagedTenantID != "" && req.UserPrincipalName != "":
		return &KnownIdentity{ManagedTenantID: req.ManagedTenantID, UserPrincipalName: req.UserPrincipalName}, nil
	}
	return nil, errNobodyKnown
}

// person reads the person from Microsoft or, where that cannot be, from what is kept.
// left says that the person is not in the directory; without either, nothing is known.
func (x *explaining) person(ctx context.Context, target *explainTarget) (user *User, left bool, err error) {
	asked := target.ObjectID
	if asked == "" {
		asked = target.UserPrincipalName
	}
	err = x.users.GetUsers(ctx, GetUsers{EntraTenantID: x.mapped.EntraTenantID, Priority: "high", ObjectIDs: []string{asked}},
		func(users []User, missing []string) error {
			left = len(missing) > 0
			if len(users) > 0 {
				user = &users[0]
				user.Absent = 0
			}
			return nil
		})
	switch {
	case ctx.Err() != nil || errs.KindOf(err) == errs.Invalid:
		return nil, false, err
	case err != nil:
		return x.keptPerson(ctx, target, err)
	case user != nil:
		x.so.Person.ObjectID, x.so.Source = strings.TrimSpace(user.ObjectID), SourceMicrosoft
		x.step("person", StepPassed, "The person was read from Microsoft just now.")
		return user, false, nil
	case target.ObjectID == "":
		x.step("person", StepStopped, "Microsoft knows nobody by this sign-in name in this directory.")
		return nil, false, nil
	}
	x.so.Source = SourceMicrosoft
	x.step("person", StepNoted, "Microsoft was asked just now: this identity is no longer in the directory.")
	return nil, true, nil
}

// keptPerson is what the last listing said.
func (x *explaining) keptPerson(ctx context.Context, target *explainTarget, why error) (user *User, left bool, err error) {
	text := "Microsoft could not be read: " + messageOf(why) + " "
	if target.ObjectID == "" {
		x.step("person", StepStopped, text+"Nothing is kept by this sign-in name.")
		return nil, false, nil
	}
	known, err := x.round.Known(ctx, []string{target.ObjectID})
	if err != nil {
		return nil, false, err
	}
	if user = known[target.ObjectID].User; user == nil {
		x.step("person", StepStopped, text+"What is kept of the person does not suffice to decide by, as of most whom the filters let pass; try again once Microsoft can be read.")
		return nil, false, nil
	}
	x.so.Source = SourceKept
	x.step("person", StepNoted, text+"What follows is by what the last listing said of the person.")
	return user, false, nil
}

// messageOf is what may be said of an error.
func messageOf(err error) string {
	if told, ok := errors.AsType[*errs.Error](err); ok {
		return told.Public()
	}
	return "it did not answer."
}
