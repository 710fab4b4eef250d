package syncengine

import (
	"context"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// Outcomes of an explanation beside those that reports have.
const (
	OutcomeNotSynced = "not_synced" // nothing of the managed tenant, or of the person, is synced
	OutcomeUnknown   = "unknown"    // who it is, or what the person is like now, is not known
)

// Results of a step.
const (
	StepPassed  = "passed"  // it lets the identity go on
	StepStopped = "stopped" // it ends the decision
	StepSkipped = "skipped" // switched off, or not reached
	StepNoted   = "noted"   // it says something and decides nothing
)

// Where what is known of an identity comes from.
const (
	SourceMicrosoft = "microsoft" // read just now
	SourceKept      = "kept"      // kept from the last listing in which it was
)

// ExplainRequest names an identity: by its id, by its sign-in name, or by what a person
// typed, which may be either, an address or the beginning of a name. The managed
// tenant may be empty where the identity has been synced before.
type ExplainRequest struct {
	ManagedTenantID, ObjectID, UserPrincipalName, Query string
}

// ExplainStep is one step of the decision about an identity.
type ExplainStep struct {
	Name   string // of the step, as "mapping", "address", or the reason of a filter
	Result string
	Text   string // for a technician
}

// Explanation is why an identity is treated as it is.
type Explanation struct {
	Choices []KnownIdentity // who may be meant, where that is not one; the rest is then empty

	Person    KnownIdentity
	ClientID  string
	Source    string         // empty where nothing is known
	Fetched   *FetchedPerson // nil where nothing is known, or the person has left
	Outcome   string         // of the next sync
	Reason    string
	ContactID string
	Steps     []ExplainStep
	Changes   []FieldChange
}

// FetchedPerson is what was read of a person, by which the steps can be checked. It is for
// the answer alone, and stands in no log, trace or error.
type FetchedPerson struct {
	User           User
	InChosenGroups *bool // nil where people are not chosen by groups, or one cannot be read
}

// KnownIdentity is an identity of a directory.
type KnownIdentity struct {
	ManagedTenantID, EntraTenantID, ObjectID, UserPrincipalName, DisplayName string
}

// IdentitySearch looks for identities that are linked or kept. One of the last four
// is not empty.
type IdentitySearch struct {
	ManagedTenantID string // empty for all
	ObjectID        string
	SignInName      string // normalised as an address is
	EmailNorm       string // an own address or the sign-in name
	NameStart       string // of the name's key
}

// DecidedIdentity is what a round decided about one identity, and by what.
type DecidedIdentity struct {
	Number    int    // in the round
	Action    Action // one of the actions; empty where nothing changes
	Reason    string
	Fields    []string // that change
	ContactID string
	Link      *DecidedLink
	Addresses []DecidedAddress
	Sharing   []string // sign-in names of other identities that have one of its addresses
	Rejected  bool     // a person kept its link active
	HeldIn    string   // the last round, where a guard held its inactivation back; else empty
	// The identity of the same directory that has the one contact which the addresses found;
	// empty without one. TakesOver says that this one takes it over.
	Holder    string
	TakesOver bool
}

// DecidedLink is the link of an identity with its contact.
type DecidedLink struct {
	Contact  LinkedContact
	ClientID string
	Status   string
	Since    time.Time
}

// LinkedContact are the fields of a contact that a round may write.
type LinkedContact struct {
	ID, FullName, Email, Phone, Role, SignInName string
	Deleted                                      bool
	Shows                                        bool // the identity, and not another one by now
}

// DecidedAddress is an address by which a contact was looked for.
type DecidedAddress struct {
	Address  string
	Contacts []Candidate // of the client that have it
}

// ExplainRound is a round that looks at one identity and writes nothing.
type ExplainRound interface {
	Restart(ctx context.Context, delta bool) error
	Known(ctx context.Context, ids []string) (map[string]Known, error)
	Stage(ctx context.Context, identities []Identity) error
	Prepare(ctx context.Context, step Step) (Tally, error)
	Decide(ctx context.Context, rules Rules, complete bool, step Step) (planned Changes, queued map[string]int, err error)
	Queue(ctx context.Context, after, limit int) ([]QueueItem, error)
	// DecidedAbout is what the round decided about an identity that was staged.
	DecidedAbout(ctx context.Context, objectID string) (DecidedIdentity, error)
	// DecideAfter decides again, knowing that another identity has left the directory.
	DecideAfter(ctx context.Context, rules Rules, left string) error
	Release()
}

// ExplainStore is what an explanation reads.
type ExplainStore interface {
	// FindIdentities returns at most so many.
	FindIdentities(ctx context.Context, search IdentitySearch, most int) ([]KnownIdentity, error)
	// OpenExplanation opens a round that takes no lock and writes nothing.
	OpenExplanation(ctx context.Context, of ManagedTenant) (ExplainRound, error)
}

// ExplainMapping reads what a managed tenant is mapped to.
type ExplainMapping interface {
	// ExistingTenant is the active mapping of one managed tenant; false without one.
	// errs.NotFound, reason managed_tenant_not_found, where there is no such managed tenant.
	ExistingTenant(ctx context.Context, managedTenantID string) (MappedTenant, bool, error)
}

// ExplainSettings are those that rounds go by.
type ExplainSettings interface {
	RoundSettings(ctx context.Context, managedTenantID string, now time.Time) (Settings, error)
}

// Explain says, step by step, what a sync does with one identity and why. It decides by
// a round of that one identity, which writes nothing.
type Explain struct {
	store    ExplainStore
	settings ExplainSettings
	users    UserSource
	mapping  ExplainMapping
	queue    Queue
	now      func() time.Time
}

// NewExplain wires the use case.
func NewExplain(store ExplainStore, settings ExplainSettings, users UserSource, mapping ExplainMapping, queue Queue, now func() time.Time) *Explain {
	return &Explain{store: store, settings: settings, users: users, mapping: mapping, queue: queue, now: now}
}

// Do explains. errs.NotFound, reason not_found, where nobody is known by what was asked
// for; reason managed_tenant_not_found, where no managed tenant has the id.
func (e *Explain) Do(ctx context.Context, req ExplainRequest) (Explanation, error) {
	x := &explaining{Explain: e}
	target, mapped, err := x.locate(ctx, req)
	if err != nil || target == nil {
		return x.so, err
	}
	x.mapped = mapped
	x.so.ClientID, x.so.Person = mapped.ClientID, target.KnownIdentity
	settings, err := e.settings.RoundSettings(ctx, mapped.ManagedTenantID, e.now())
	if err != nil {
		return Explanation{}, err
	}
	round, err := e.store.OpenExplanation(ctx, ManagedTenant{
		ManagedTenantID: mapped.ManagedTenantID, EntraTenantID: mapped.EntraTenantID, ClientID: mapped.ClientID, MappingRevision: mapped.Revision,
	})
	if err != nil {
		return Explanation{}, err
	}
	defer round.Release()
	x.round = round
	return x.so, x.explain(ctx, target, settings)
}

// explaining is one explanation under way.
type explaining struct {
	*Explain
	mapped MappedTenant
	round  ExplainRound
	rules  Rules
	so     Explanation
}

func (x *explaining) step(name, result, text string) {
	x.so.Steps = append(x.so.Steps, ExplainStep{Name: name, Result: result, Text: text})
}

func (x *explaining) end(outcome, why string) {
	x.so.Outcome, x.so.Reason = outcome, why
}

// explain goes the way of a round, with one identity.
func (x *explaining) explain(ctx context.Context, target *explainTarget, settings Settings) error {
	if err := x.round.Restart(ctx, true); err != nil {
		return err
	}
	user, left, err := x.person(ctx, target)
	if err != nil {
		return err
	}
	x.step("mapping", StepPassed, "The directory is mapped to a client: its people become that client's contacts.")
	if user == nil && !left {
		x.end(OutcomeUnknown, "")
		return nil
	}
	identity := Identity{ObjectID: x.so.Person.ObjectID, Removed: true}
	if !left {
		if settings, err = x.scoped(ctx, settings); err != nil {
			return err
		}
		x.so.Fetched = fetchedPerson(user, settings.Members)
		reader, err := NewReader(settings)
		if err != nil {
			return err
		}
		identity = reader.Read(user)
		identity.User = user
		x.so.Person.UserPrincipalName, x.so.Person.DisplayName = identity.UserPrincipalName, identity.FullName
		x.recordStep(&identity)
		if identity.Failure != "" {
			x.end("failed", identity.Failure)
			return nil
		}
		x.filterSteps(reader, user, settings)
		x.addressSteps(user)
	}
	x.rules = Rules{Settings: settings, Now: x.now()}
	return x.decide(ctx, &identity)
}

func fetchedPerson(user *User, members *Members) *FetchedPerson {
	fetched := &FetchedPerson{User: *user}
	if members != nil {
		in := members.Has(user.ObjectID)
		fetched.InChosenGroups = &in
	}
	return fetched
}

// scoped reads the groups by which people are chosen.
func (x *explaining) scoped(ctx context.Context, settings Settings) (Settings, error) {
	ask := groupsOf{source: x.users, entraTenantID: x.mapped.EntraTenantID, priority: "high", step: func() error { return nil }}
	scoped, err := ask.scoped(ctx, settings)
	if errs.KindOf(err) == errs.Precondition {
		x.step("groups", StepStopped, "A group by which people are chosen cannot be read, so that a sync of this directory fails: "+messageOf(err))
		settings.Groups = nil
		return settings, nil
	}
	return scoped, err
}

// decide has the round decide about the identity, and says how.
func (x *explaining) decide(ctx context.Context, identity *Identity) error {
	quiet := func(int) error { return nil }
	if err := x.round.Stage(ctx, []Identity{*identity}); err != nil {
		return err
	}
	if _, err := x.round.Prepare(ctx, quiet); err != nil {
		return err
	}
	if _, _, err := x.round.Decide(ctx, x.rules, true, quiet); err != nil {
		return err
	}
	decided, err := x.round.DecidedAbout(ctx, identity.ObjectID)
	if err != nil {
		return err
	}
	left, err := x.holderLeft(ctx, &decided, identity.ObjectID)
	if err != nil {
		return err
	}
	x.so.ContactID = decided.ContactID
	x.linkSteps(&decided, identity)
	if decided.Link == nil && identity.Verdict == "" && !identity.Removed {
		x.matchSteps(&decided)
		x.takeoverStep(&decided, left)
	}
	x.decision(&decided, identity)
	x.changes(&decided, identity)
	if decided.Action == ActionInactivate || decided.Rejected {
		x.guardSteps(&decided)
	}
	if decided.Action == ActionQueue {
		return x.queueSteps(ctx, &decided)
	}
	return nil
}

// holderLeft asks Microsoft for the identity that has the contact: one that is no longer
// there, which the next sync finds out too, may have been made again.
func (x *explaining) holderLeft(ctx context.Context, decided *DecidedIdentity, objectID string) (left bool, err error) {
	if decided.Holder == "" || decided.TakesOver || decided.Action != ActionQueue {
		return decided.TakesOver, nil
	}
	ask := GetUsers{EntraTenantID: x.mapped.EntraTenantID, Priority: "high", ObjectIDs: []string{decided.Holder}}
	err = x.users.GetUsers(ctx, ask, func(_ []User, missing []string) error {
		left = len(missing) > 0
		return nil
	})
	if err != nil || !left {
		return false, ctx.Err() // what Microsoft does not say is as the last listing said it
	}
	if err := x.round.DecideAfter(ctx, x.rules, decided.Holder); err != nil {
		return false, err
	}
	*decided, err = x.round.DecidedAbout(ctx, objectID)
	return true, err
}

var errNobodyKnown = errs.New(errs.NotFound, reason.NotFound,
	"Nobody is known by this. Name the managed tenant, and the sign-in name or the object id, so that Microsoft can be asked.")
