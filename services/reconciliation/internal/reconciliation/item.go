// Package reconciliation holds the rules of the queue of identities that a sync could not link
// to a contact by itself and about which a person must decide.
package reconciliation

import "time"

// Reason is why an identity could not be decided.
type Reason string

// The reasons.
const (
	MultipleEmailMatches   Reason = "multiple_email_matches"   // several contacts of the client have its address
	ContactAlreadyLinked   Reason = "contact_already_linked"   // the one contact belongs to another identity
	DuplicateIdentityEmail Reason = "duplicate_identity_email" // several identities of the directory share an address
	EmailInUseElsewhere    Reason = "email_in_use_elsewhere"   // a contact of another client has the address
	AliasMatch             Reason = "alias_match"              // a contact has an alias of it, and is inactive or has another name
	ContactDeleted         Reason = "contact_deleted"          // the host deleted the contact that it was linked to
)

// Status is the state of an item.
type Status string

// The states. Resolved and dismissed are a person's decisions; superseded means that a later
// round found nothing left to decide, or that the directory is mapped to another client by now.
const (
	Open       Status = "open"
	Resolved   Status = "resolved"
	Dismissed  Status = "dismissed"
	Superseded Status = "superseded"
)

// Candidate is a contact that the identity may belong to, as the round saw it.
type Candidate struct {
	ContactID string
	FullName  string
	Email     string
	Inactive  bool
	LinkedTo  string // the object id of the identity it is linked to; empty when it is not
	Linked    *LinkedIdentity
}

// LinkState is the state of the identity that a contact is linked to.
type LinkState string

// The states of linked identities.
const (
	LinkActive   LinkState = "active"
	LinkDisabled LinkState = "disabled" // its account is disabled
	LinkDeleted  LinkState = "deleted"  // it is not in its directory any more
	LinkOrphaned LinkState = "orphaned" // its directory belongs to another client by now
)

// LinkedIdentity is the identity that a contact is linked to.
type LinkedIdentity struct {
	State             LinkState
	UserPrincipalName string
}

// Peer is another identity of the directory that shares an address with the item's.
type Peer struct {
	EntraObjectID     string
	UserPrincipalName string
	DisplayName       string
	Account
}

// Account is what distinguishes identities with the same address.
type Account struct {
	Enabled  *bool  // nil when it is not known
	Licences *int   // nil when it is not known
	UserType string // Member or Guest; empty when it is not known
}

// Sighting is one ambiguous identity as a round found it.
type Sighting struct {
	EntraObjectID     string
	UserPrincipalName string
	DisplayName       string
	Email             string
	Phone             string // a contact made from the identity gets it, and the role
	Role              string
	Account
	Reason      Reason
	Candidates  []Candidate
	Peers       []Peer // the other identities that share an address with it
	Fingerprint string // changes when the reason, the candidates or the addresses change
}

// Round names a round of the sync engine: the run, the managed tenant and the client to which it is
// mapped.
type Round struct {
	RunID           string // a UUID
	ManagedTenantID string
	EntraTenantID   string
	ClientID        string
	MappingRevision int64 // of the mapping to that client
	// When its last attempt began, zero where that is not known. What a person resolved before has had its
	// effect: where an identity is ambiguous all the same, its link has ended since.
	Since time.Time
}

// Item is an entry of the queue.
type Item struct {
	ID              string // a UUID, version 7
	ManagedTenantID string
	EntraTenantID   string
	ClientID        string
	Sighting
	Suggestion *Suggestion // as the sighting gave it; nil where a person has to find out
	Status     Status
	CreatedAt  time.Time
	LastSeenAt time.Time
	DecidedBy  string     // empty while no person has decided
	DecidedAt  *time.Time // nil while no person has decided
}
