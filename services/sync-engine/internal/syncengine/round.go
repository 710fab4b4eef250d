package syncengine

import (
	"context"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// RangeSize is how many decisions one transaction applies, and how many
// identities one COPY stages. Measured: flat from 5,000 to 25,000, half as slow
// again at 1,000.
const RangeSize = 5000

// ErrRunCancelled ends a round whose run was closed meanwhile.
var ErrRunCancelled = errs.Of(reason.RunCancelled)

// Listing is how a directory's listing ended.
type Listing struct {
	DeltaLink DeltaLink // with which the next one asks for changes; empty when the source has none
	Full      bool      // every user was listed
}

// UserSource reads a managed tenant's users.
type UserSource interface {
	// ListUsers gives the receiver what it lists, in order, and returns when the listing
	// reached its end. A listing that breaks off is an error.
	ListUsers(ctx context.Context, req ListUsers, receiver Receiver) (Listing, error)
	// GetUsers reads users by their ids, as they are now, and calls each with some
	// at a time and with the ids that the directory does not have.
	GetUsers(ctx context.Context, req GetUsers, each func(users []User, missing []string) error) error
	GroupSource
}

// Receiver takes a listing. Its errors end it.
type Receiver interface {
	// Page takes users and, in a list of changes, the ids of those that left the
	// directory. What is said later holds. The slices are the caller's.
	Page(users []User, removed []string) error
	// Restarted says that everything so far is void; full, that everybody is listed
	// from here on although changes were asked for.
	Restarted(full bool) error
}

// ListUsers asks for a listing.
type ListUsers struct {
	EntraTenantID string
	Priority      string    // low, normal or high
	DeltaLink     DeltaLink // for what changed since; empty for everybody
}

// GetUsers asks for some users.
type GetUsers struct {
	EntraTenantID string
	Priority      string // low, normal or high
	ObjectIDs     []string
}

// Known is what is known of a user that changed.
type Known struct {
	User *User // nil where its properties were not kept
}

// Rules are what one round decides by.
type Rules struct {
	Settings Settings
	Now      time.Time
}

// QueueItem is an identity that a person must decide on.
type QueueItem struct {
	Number            int // orders the items of a round
	ObjectID          string
	UserPrincipalName string
	DisplayName       string
	Email             string
	Reason            string
	Fingerprint       string
	Phone             string // a contact made from the identity gets it, and the role
	Role              string
	Enabled           *bool  // nil when it is not known
	Licences          *int32 // nil when it is not known
	UserType          string // empty when it is not known
	Candidates        []Candidate
	Peers             []Peer // identities that share an address with it, at most 20
}

// Peer is another identity of the directory that has the address of one.
type Peer struct {
	ObjectID          string `json:"objectId"`
	UserPrincipalName string `json:"upn"`
	DisplayName       string `json:"name"`
	Enabled           *bool  `json:"enabled"`
	Licences          *int32 `json:"licences"`
	UserType          string `json:"type"`
}

// Candidate is a contact that an identity may belong to.
type Candidate struct {
	ContactID string `json:"contactId"`
	FullName  string `json:"fullName"`
	Email     string `json:"email"`
	Inactive  bool   `json:"inactive"`
	LinkedTo  string `json:"linkedTo"` // object id, empty when not linked
	// How that identity stands: active, disabled, deleted or orphaned; and its sign-in name.
	LinkedState string `json:"linkedState"`
	LinkedUPN   string `json:"linkedUpn"`
}

// Step reports how many more identities, links or items a phase has gone through;
// its error ends the round.
type Step func(n int) error

// Round is one round of one directory. It holds the locks of the directory and of its
// client until Release. They belong to the connections by which it writes: when one is
// lost nothing is written by it any more, and nobody else has the locks before all are
// gone. It serves one goroutine.
type Round interface {
	// ApplyRevision brings the directory's links in line with the round's mapping; a dry
	// run does not call it. ErrMappingChanged, here and below, when a later revision is
	// known.
	ApplyRevision(ctx context.Context, now func() time.Time, step Step) error
	// Suppose has a round of a dry run decide as if the run's earlier directories of
	// the client had been applied.
	Suppose(ctx context.Context) error
	// LastRound is where the directory's last round left off; the zero value when
	// there was none.
	LastRound(ctx context.Context) (LastRound, error)
	// HostChanged are the linked identities of the directory whose contacts the host, or a
	// person, wrote since the last round, at most so many; linked adds those that the last
	// round linked.
	HostChanged(ctx context.Context, linked bool, most int) ([]string, error)
	// LastMembers are the members of the groups by which the last round chose people; nil
	// where they are not known.
	LastMembers(ctx context.Context) (*Members, error)
	// Restart forgets what was staged; what is staged from here on is everybody or,
	// where delta says so, what changed.
	Restart(ctx context.Context, delta bool) error
	// Known are the users that are kept, or staged in this round, of these ids.
	Known(ctx context.Context, ids []string) (map[string]Known, error)
	Stage(ctx context.Context, identities []Identity) error
	// Prepare merges repeats, adds to what changed the identities that are to be decided
	// about again, finds links, and counts the directory.
	Prepare(ctx context.Context, step Step) (Tally, error)
	// Decide plans against the state as it stands: what the round would write, and
	// how many identities a person must decide about, by reason. Nothing is written.
	// complete says that identities which were not staged are gone; where changes were
	// listed, those are gone which the list says have left.
	Decide(ctx context.Context, rules Rules, complete bool, step Step) (planned Changes, queued map[string]int, err error)
	// Hold takes the inactivations out of the plan; record stores the set.
	Hold(ctx context.Context, record bool, step Step) (Held, error)
	// ApplyNext applies the next range in one transaction, or two at once in one each, and
	// returns how many decisions they held; done when none is left. The feed has the time of each
	// by the clock. ErrRunCancelled when the run was closed.
	ApplyNext(ctx context.Context, rules Rules, now func() time.Time) (applied int, done bool, err error)
	// Keep keeps what a delta round needs to know of identities without a link, and
	// forgets what it no longer needs. complete as for Decide. It may go on beside what
	// follows: Close waits for it, and returns its error.
	Keep(ctx context.Context, complete bool, step Step) error
	// Queue lists items after a number, in order.
	Queue(ctx context.Context, after, limit int) ([]QueueItem, error)
	// ListingApproved reports that a person has approved that the directory lists nobody
	// whom the filters let pass, and that it has not listed anybody since.
	ListingApproved(ctx context.Context) (bool, error)
	// LetThrough has Hold leave the inactivations alone that were held in an earlier
	// run, and counts those that are planned again.
	LetThrough(ctx context.Context, heldIn string) (Changes, error)
	// ReportPlan reports what the plan would write; a round that applies it reports as
	// it goes. ReportQueued reports the identities for a person of a range of numbers,
	// but for those that a person has decided about. ReportStaged reports failed and
	// filtered identities and, last, everybody else where everybody is asked for.
	ReportPlan(ctx context.Context, step Step) error
	ReportQueued(ctx context.Context, after, upTo int, decided []string) error
	ReportStaged(ctx context.Context, everybody bool, step Step) error
	// Written are the outcomes over all attempts of this round.
	Written(ctx context.Context) (Changes, error)
	// Close records the result, and the directory's times and delta link where
	// the round was applied, in one transaction. ErrReportGone, and ErrRunCancelled where
	// the run was closed and the result is not that of a cancelled round.
	Close(ctx context.Context, result Result) error
	Release()
}

// Result is what a round came to.
type Result struct {
	State     State
	Counters  Counters
	Filtered  map[string]int
	Ambiguous map[string]int
	Failures  []Failure
	Held      *Held
	// Applied advances the directory's times; Listing and Fingerprint are then kept
	// for the next round, unless a guard held some of it back.
	Applied bool
	// PeopleListed reports that the directory listed people whom the filters let pass; an approval of
	// an empty listing then ends.
	PeopleListed bool
	Listing      Listing
	Fingerprint  string
	Members      *Members  // of the groups by which people were chosen; nil without any
	Standing     *Standing // nil where the next round must count
	ReportedIn   string    // the earlier run whose report has those that failed or are filtered; empty for this one
	Now          time.Time
}

// RoundStore opens rounds.
type RoundStore interface {
	ManagedTenant(ctx context.Context, runID, managedTenantID string) (Run, ManagedTenant, error) // ErrUnknownRun
	// RoundSettings are those that a managed tenant is synced by: the tenant's, which it
	// makes with the defaults where they are missing, and over them what the managed
	// tenant has of its own.
	RoundSettings(ctx context.Context, managedTenantID string, now time.Time) (Settings, error)
	// OpenRound takes the locks of the directory and of its client; errs.Unavailable,
	// reason round_in_progress, when another round has one of them.
	OpenRound(ctx context.Context, of ManagedTenant, now time.Time) (Round, error)
}

// RoundMapping reads what a managed tenant is mapped to now.
type RoundMapping interface {
	MappedTenant(ctx context.Context, managedTenantID string) (MappedTenant, bool, error)
}

// PushedItems are items of one round and directory.
type PushedItems struct {
	RunID   string
	Mapping MappingRevision // of the directory, which the items are of
	Since   time.Time       // when this attempt of the round began, or a little before: clocks differ
	Items   []QueueItem
}

// Queue takes what a round could not decide.
type Queue interface {
	// Push opens or refreshes items and returns the identities that a person has
	// decided on the same facts: dismissed, or resolved since the attempt began, which
	// may not have seen the link. One whose link has ended since is asked about again.
	Push(ctx context.Context, items PushedItems) (decided []string, err error)
	// Decided are those of the items that a person has decided on the same facts.
	// Nothing is written.
	Decided(ctx context.Context, items PushedItems) ([]string, error)
	// CompleteRound closes the directory's open items that this attempt of the
	// round did not push.
	CompleteRound(ctx context.Context, round PushedItems) error
}
