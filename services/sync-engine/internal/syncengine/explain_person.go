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
// that is not known. known are those whom the last sync knew by that name.
type explainTarget struct {
	KnownIdentity
	known []KnownIdentity
}

// objectIDForm is what Microsoft's object ids look like.
var objectIDForm = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// locate finds who is meant and what the directory is mapped to; nil where the
// explanation is at its end.
func (x *explaining) locate(ctx context.Context, req ExplainRequest) (*explainTarget, MappedTenant, error) {
	target, err := x.search(ctx, req)
	if err != nil || target == nil {
		return nil, MappedTenant{}, err
	}
	mapped, ok, err := x.mapping.ExistingTenant(ctx, target.ManagedTenantID)
	if err != nil {
		return nil, MappedTenant{}, err
	}
	if !ok || mapped.ClientID == "" {
		x.so.Person = target.KnownIdentity
		x.end(OutcomeNotSynced, reason.NotMapped)
		x.step("mapping", StepStopped, "The directory is not mapped to a client, so that nobody of it is synced. Map it first.")
		return nil, MappedTenant{}, nil
	}
	target.EntraTenantID = mapped.EntraTenantID
	return target, mapped, nil
}

// search finds the one identity that is meant; nil where there are several.
func (x *explaining) search(ctx context.Context, req ExplainRequest) (*explainTarget, error) {
	search, signInName := searchOf(req)
	if search.ManagedTenantID != "" && search.ObjectID != "" {
		return &explainTarget{KnownIdentity: KnownIdentity{ManagedTenantID: search.ManagedTenantID, ObjectID: search.ObjectID}}, nil
	}
	var known []KnownIdentity
	var err error
	if search != (IdentitySearch{ManagedTenantID: search.ManagedTenantID}) {
		if known, err = x.store.FindIdentities(ctx, search, explainChoices); err != nil {
			return nil, err
		}
	}
	// A name that was called a sign-in name is asked of Microsoft first: it may have gone over to
	// another account. One that was typed is, where nobody is known by it.
	asked := search.ManagedTenantID != "" && signInName != "" && (req.UserPrincipalName != "" || len(known) == 0)
	switch {
	case asked:
		return &explainTarget{KnownIdentity: KnownIdentity{ManagedTenantID: search.ManagedTenantID, UserPrincipalName: signInName}, known: known}, nil
	case len(known) == 1:
		return &explainTarget{KnownIdentity: known[0]}, nil
	case len(known) > 1:
		x.so.Choices = known
		return nil, nil // the choices are the answer
	}
	return nil, errNobodyKnown
}

// searchOf is what is looked for, and the sign-in name that it may be; empty where it can be none.
func searchOf(req ExplainRequest) (search IdentitySearch, signInName string) {
	search.ManagedTenantID, search.ObjectID = req.ManagedTenantID, req.ObjectID
	if req.UserPrincipalName != "" {
		search.SignInName, _ = NormaliseAddress(req.UserPrincipalName)
		return search, req.UserPrincipalName
	}
	typed := strings.TrimSpace(text.Normalise(req.Query))
	address, ok := NormaliseAddress(typed)
	switch {
	case ok:
		search.EmailNorm = address
	case objectIDForm.MatchString(typed):
		search.ObjectID = strings.ToLower(typed)
	case search.ObjectID == "":
		search.NameStart = NameKey(typed)
	}
	return search, address
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
	case target.ObjectID == "" && x.takeKnown(target):
		x.step("person", StepNoted, "Microsoft knows nobody by this sign-in name in this directory. A sync knew one person by it, who is asked for by the object id.")
		return x.person(ctx, target)
	case target.ObjectID == "":
		x.step("person", StepStopped, "Microsoft knows nobody by this sign-in name in this directory.")
		return nil, false, nil
	}
	x.so.Source = SourceMicrosoft
	x.step("person", StepNoted, "Microsoft was asked just now: this identity is no longer in the directory.")
	return nil, true, nil
}

// takeKnown goes on with the one whom the last sync knew by the sign-in name; false
// where that is nobody, or several.
func (x *explaining) takeKnown(target *explainTarget) bool {
	if len(target.known) != 1 {
		return false
	}
	target.KnownIdentity = target.known[0]
	x.so.Person = target.KnownIdentity
	return true
}

// keptPerson is what the last listing said.
func (x *explaining) keptPerson(ctx context.Context, target *explainTarget, why error) (user *User, left bool, err error) {
	text := "Microsoft could not be read: " + messageOf(why) + " "
	if target.ObjectID == "" && !x.takeKnown(target) {
		x.step("person", StepStopped, text+"Nobody is kept by this sign-in name, or more than one person is.")
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
