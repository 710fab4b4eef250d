package connection

import (
	"context"
	"time"
)

// Store keeps connections. Every method works for the tenant in the context, and every change of
// a state writes its StatusEvent in the same step.
type Store interface {
	// Current is the newest connection; ok is false when there never was one.
	Current(ctx context.Context) (c Connection, ok bool, err error)
	// Activate makes the connection the active one and writes the effect, in one
	// step. What was active before is replaced, and secrets of other kinds of
	// connections that lie in the same store go. What it came by is taken in the
	// same step: ErrFlowEnded when the flow was ended, ErrInvalidCompletion when the
	// pending grant was taken already.
	Activate(ctx context.Context, c Connection, by Arrival, effect Effect) error
	// End disconnects the active connection, ends flows under way, destroys pending
	// grants and writes the effect, in one step; false when none was active.
	End(ctx context.Context, user string, at time.Time, effect Effect) (ended bool, err error)
	// SwapSecret points the connection to a new token set if it still points to
	// the old one; false when it does not. It ends a failure to get one.
	SwapSecret(ctx context.Context, id, oldVersion, newVersion string, expires time.Time) (swapped bool, err error)
	// RecordValid marks the active connection as proven at a time, unless it failed
	// after the proof had begun.
	RecordValid(ctx context.Context, id string, begun, at time.Time) error
	// RecordFailed stores why the connection failed, if it still works with the
	// token set of that version.
	RecordFailed(ctx context.Context, id, version string, snapshot Snapshot) error
}

// Arrival is what a connection came by; zero where no flow brought it.
type Arrival struct {
	FlowID    string // of the callback that brought it
	PendingID string // of the grant that its person completed
}

// GrantLock lets one caller at a time, over all replicas, replace or remove a
// tenant's secrets. Its holder is the only one that writes versions that no row
// points to yet. No holder waits for Microsoft: a person who
// disconnects needs it.
type GrantLock interface {
	WithGrantLock(ctx context.Context, fn func(ctx context.Context) error) error
}

// RefreshLock lets one caller at a time, over all replicas, ask Microsoft for a
// tenant's fresh token set. What came is written under the GrantLock.
type RefreshLock interface {
	WithRefreshLock(ctx context.Context, fn func(ctx context.Context) error) error
}

// TokenLocks are the locks of callers that get fresh token sets and write them.
type TokenLocks interface {
	GrantLock
	RefreshLock
}

// SecretStore keeps secret values with versions. A version never changes: what
// belongs together is one value, and a new value is a new version. The version is
// written first; the row that is then pointed to it, by compare-and-swap, is the
// commit. What dies in between leaves a version that nothing points to: it is
// swept, and until then changes nothing.
type SecretStore interface {
	// PutSecret writes a new version and returns its name, which is never used
	// again. errs.Invalid for what CheckSecret refuses; errs.Conflict, and nothing
	// written, when somebody else wrote the same key at that moment; after any other
	// error there may be a version that is not known.
	PutSecret(ctx context.Context, key string, value Secret) (version string, err error)
	// GetSecret reads a version; errs.NotFound when it is not there (any more), or
	// is another tenant's.
	GetSecret(ctx context.Context, key, version string) (Secret, error)
	// DeleteSecret removes every version of a key; a key without any is no error.
	DeleteSecret(ctx context.Context, key string) error
}

// SecretStoreReasons is what the reasons of failures of the secret store begin with. They
// are the installation's: its operator repairs them, and no tenant has to connect again.
const SecretStoreReasons = "secret_store_"

// SecretStoreWatch knows how a secret store outside the database does.
type SecretStoreWatch interface {
	// Problem is what is wrong with the store as far as is known; nil when it works.
	Problem() *Problem
	// Check asks the store whether secrets can be kept there; an error of
	// SecretStoreReasons when they cannot.
	Check(ctx context.Context) error
}

// FlowKind is what a flow is for; a state of one kind is good for no other.
type FlowKind string

// The kinds of flows.
const (
	// ConnectFlow connects the partner.
	ConnectFlow FlowKind = "connect"
	// ConsentFlow asks an administrator of a managed tenant for consent.
	ConsentFlow FlowKind = "admin_consent"
)

// State is a started flow.
type State struct {
	ID            string
	Kind          FlowKind
	Hash          [32]byte // of the state that travels
	User          string
	Session       string // id of the browser session, no secret; empty for bearer callers
	Verifier      Secret // PKCE; empty for consents, to which no code comes back
	ManagedTenant string // of a consent
	ReturnTo      string
	CreatedAt     time.Time
	ExpiresAt     time.Time
	ConsumedAt    *time.Time // nil: not yet
}

// StateStore keeps started flows.
type StateStore interface {
	SaveState(ctx context.Context, s State) error
	// TenantOfState finds whose state it is; ok is false for a forged one.
	TenantOfState(ctx context.Context, hash [32]byte) (tenant string, ok bool, err error)
	// ConsumeState locks the state, asks check, and consumes it when check agrees.
	// check's error comes back with the state and leaves it as it was.
	ConsumeState(ctx context.Context, hash [32]byte, at time.Time, check func(State) error) (State, error)
}

// Pending is a grant that waits for the person who asked for it.
type Pending struct {
	ID        string
	FlowID    string   // that brought it
	CodeHash  [32]byte // of the completion code
	User      string
	Grant     Secret // encoded; empty once taken or destroyed
	ClientID  string // of the app that the grant was given to
	CreatedAt time.Time
	ExpiresAt time.Time
	Taken     bool
}

// PendingStore keeps grants that wait.
type PendingStore interface {
	// SavePending keeps a grant; ErrFlowEnded when its flow was ended meanwhile.
	SavePending(ctx context.Context, p Pending) error
	// FindPending looks a grant up by the hash of its code.
	FindPending(ctx context.Context, codeHash [32]byte) (p Pending, ok bool, err error)
}

// CredentialSource is a place where an app registration may be set.
type CredentialSource interface {
	// Credentials returns what is set for the tenant; incomplete where nothing is.
	Credentials(ctx context.Context) (Credentials, error)
}

// RegistrationSource is a CredentialSource that can name the app without opening its
// secret.
type RegistrationSource interface {
	// Registration is zero where nothing complete is set for the tenant.
	Registration(ctx context.Context) (Registration, error)
}

// AuthorizeRequest is what the address of a consent page is made from.
type AuthorizeRequest struct {
	Credentials Credentials
	State       Secret
	Verifier    Secret // PKCE; its S256 challenge travels
}

// IdentityProvider issues tokens.
type IdentityProvider interface {
	AuthorizeURL(r AuthorizeRequest) string
	// Exchange redeems a code, once.
	Exchange(ctx context.Context, c Credentials, code, verifier Secret) (Grant, error)
	// Refresh redeems the partner's refresh token at the partner's authority.
	Refresh(ctx context.Context, c Credentials, refreshToken Secret) (Grant, error)
	// CustomerToken redeems the partner's refresh token at a managed tenant's own
	// authority.
	CustomerToken(ctx context.Context, c Credentials, refreshToken Secret, managedTenant string) (Token, error)
	// AppToken gives the app its own token at a managed tenant's authority.
	AppToken(ctx context.Context, c Credentials, managedTenant string) (Token, error)
}

// TokenSource provides access tokens for one authority.
type TokenSource interface {
	// Token returns a token that is not about to expire.
	Token(ctx context.Context) (Secret, error)
	// Renew returns another token than the one that was rejected.
	Renew(ctx context.Context, rejected Secret) (Secret, error)
}

// Provider reads directories (F046).
type Provider interface {
	Prober
	ListManagedTenants(ctx context.Context, tokens TokenSource, p Priority, emit func([]ManagedTenant) error) error
	TenantDetails(ctx context.Context, tokens TokenSource, r TenantRequest) (Details, error)
	ListUsers(ctx context.Context, tokens TokenSource, r UsersRequest, emit func(UsersEvent) error) error
	// CountUsers counts the users of a managed tenant, guests and disabled ones
	// among them.
	CountUsers(ctx context.Context, tokens TokenSource, r TenantRequest) (int32, error)
}

// Groups reads parts of a directory. Not every provider can.
type Groups interface {
	// GroupMembers streams the ids of a group's users, also of those in groups
	// within it. Reason group_unreadable when there is no such group, or it may not
	// be read.
	GroupMembers(ctx context.Context, tokens TokenSource, r GroupRequest, emit func(ids []string) error) error
	// UsersByID reads users; missing are the ids that are not in the directory.
	UsersByID(ctx context.Context, tokens TokenSource, r ByIDRequest) (users []User, missing []string, err error)
}
