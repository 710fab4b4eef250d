package connection

import (
	"cmp"
	"slices"
	"time"
)

// ManagedTenant is a customer as the partner's directory describes it.
type ManagedTenant struct {
	EntraTenantID string
	DisplayName   string
	PrimaryDomain string     // empty where the partner's directory does not know it
	AccessEndsAt  *time.Time // nil: renews itself, or not known
}

// listedAtOnce is how many managed tenants a provider hands on at once.
const listedAtOnce = 500

// EmitManagedTenants hands these on as a provider lists them: each once, ordered by id.
func EmitManagedTenants(tenants []ManagedTenant, emit func([]ManagedTenant) error) error {
	slices.SortFunc(tenants, func(a, b ManagedTenant) int { return cmp.Compare(a.EntraTenantID, b.EntraTenantID) })
	tenants = slices.CompactFunc(tenants, func(a, b ManagedTenant) bool { return a.EntraTenantID == b.EntraTenantID })
	for chunk := range slices.Chunk(tenants, listedAtOnce) {
		if err := emit(chunk); err != nil {
			return err
		}
	}
	return nil
}

// Details are what a managed tenant's own directory says.
type Details struct {
	PrimaryDomain string
	Domains       []string // verified
	UserCount     *int32   // nil: could not be read
	Problem       *Problem // why something is missing
}

// AddDomain adds a verified domain, and reports whether it is a new one. The default one is the
// primary domain.
func (d *Details) AddDomain(name string, isDefault bool) bool {
	if name == "" || slices.Contains(d.Domains, name) {
		return false
	}
	d.Domains = append(d.Domains, name)
	if isDefault {
		d.PrimaryDomain = name
	}
	return true
}

// Problem is why a managed tenant could not be read, and what mends it.
type Problem struct {
	Code    string
	Message string
	Remedy  string
}

// Priority is how urgent a reading is: which is refused first where Microsoft's limits
// are near.
type Priority string

// The priorities. What does not say is normal.
const (
	Low    Priority = "low" // scheduled
	Normal Priority = "normal"
	High   Priority = "high" // a person waits for it
)

// TenantRequest says which managed tenant to read, and how urgently.
type TenantRequest struct {
	ManagedTenant string
	Priority      Priority
}

// UsersRequest says which users to list, and how urgently.
type UsersRequest struct {
	ManagedTenant string
	DeltaLink     string // changes since; empty: all
	Priority      Priority
}

// GroupRequest says whose group to read, and how urgently.
type GroupRequest struct {
	ManagedTenant string
	GroupID       string
	Priority      Priority
}

// ByIDRequest says which users to read, and how urgently.
type ByIDRequest struct {
	ManagedTenant string
	IDs           []string // of one user each; no id twice
	Priority      Priority
}

// UsersEvent is one step of a listing; exactly one field is set.
type UsersEvent struct {
	Page      *UsersPage
	Restarted *Restarted
	Completed *Completed
}

// UsersPage is one page; the slices are valid until the next event.
type UsersPage struct {
	Users   []User
	Removed []RemovedUser
}

// Restarted voids what was listed so far.
type Restarted struct {
	Full   bool // a full listing follows though changes were asked for
	Reason string
}

// Completed is the end of a listing.
type Completed struct {
	DeltaLink string // empty: the source has none
	Full      bool   // every user was listed
}

// RemovedUser left the directory.
type RemovedUser struct {
	EntraObjectID string
	Reason        string // changed (can be restored) or deleted (for good)
}

// Presence is one of the three states of a property in a list of changes.
type Presence uint8

// The states of a property.
const (
	Absent Presence = iota // not in the record: unchanged
	Null                   // cleared
	Set                    // has a value
)

// Text is a property of text.
type Text struct {
	Presence Presence
	Value    string
}

// Texts is a property of several texts.
type Texts struct {
	Presence Presence
	Values   []string
}

// Flag is a property that is true or false.
type Flag struct {
	Presence Presence
	Value    bool
}

// Number is a property that counts.
type Number struct {
	Presence Presence
	Value    int32
}

// What is wrong with a record that could not be taken as it is.
const (
	DefectMissingID   = "missing_id"
	DefectInvalidUTF8 = "invalid_utf8"
	DefectMalformed   = "malformed"
)

// User is a user as the directory sent it, not yet normalised.
type User struct {
	EntraObjectID        string
	UserPrincipalName    Text
	Mail                 Text
	DisplayName          Text
	GivenName            Text
	Surname              Text
	AccountEnabled       Flag
	UserType             Text
	JobTitle             Text
	Department           Text
	MobilePhone          Text
	BusinessPhones       Texts
	ProxyAddresses       Texts
	OtherMails           Texts
	AssignedLicenceCount Number
	Defect               string // empty: none
}
