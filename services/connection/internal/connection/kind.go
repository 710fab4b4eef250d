package connection

import (
	"context"
	"slices"
	"time"

	"github.com/entrasync/entrasync/pkg/settle"
	"github.com/entrasync/entrasync/pkg/tenant"
)

// Kind is a way to be connected: what opens directories, and the set of secrets that
// it keeps, which SetOf names.
type Kind interface {
	Type() Type
	// Open returns access through the active connection of the context's tenant, which
	// is of this kind.
	Open(ctx context.Context) (Access, error)
	// Forget drops what is kept in memory for a tenant.
	Forget(id tenant.ID)
}

// Foundation is what the kinds of connections beside the direct one work with.
type Foundation struct {
	Store    Store
	Secrets  SecretStore
	Identity ResourceIdentity
	Now      func() time.Time
}

// Handling is what people connect and validate with, whatever the kind.
type Handling struct {
	Activation *Activation
	Effects    *settle.Waiter
	Validate   *Validate
}

// ResourceIdentity gives an app its own token for an API.
type ResourceIdentity interface {
	// ResourceToken asks at the authority that the credentials name.
	ResourceToken(ctx context.Context, c Credentials, scope string) (Token, error)
}

// Kinds finds the kind of a tenant's connection (F046).
type Kinds struct {
	store Store
	list  []Kind
}

// NewKinds makes the list of the kinds that there are.
func NewKinds(store Store, kinds ...Kind) *Kinds { return &Kinds{store: store, list: kinds} }

// Access is how a tenant's directories are read: a provider, and tokens for it.
type Access struct {
	Provider Provider
	Groups   Groups // nil where the provider cannot read parts of a directory
	Partner  TokenSource
	Customer func(managedTenant string) TokenSource
	// Prove gets a fresh token, whether or not the one in use is still good.
	Prove func(ctx context.Context) error
	// Used is the version of the token set that Partner's last token came from, empty
	// before the first; nil where a connection has but one set.
	Used func() string
}

// into returns tokens for a managed tenant, which is named by its id alone: other names
// may stand for many, at Microsoft and at other providers.
func (a Access) into(managedTenant string) (TokenSource, error) {
	if err := checkManaged(managedTenant); err != nil {
		return nil, err
	}
	return a.Customer(managedTenant), nil
}

// groups returns what reads parts of a directory.
func (a Access) groups() (Groups, error) {
	if a.Groups == nil {
		return nil, Failure{
			Reason: ReasonNotSupported, Class: Reconnect, Message: "This connection cannot read groups or single users.",
			Remedy: "Connect to Microsoft directly, or do without filters by group.",
		}.Err(nil)
	}
	return a.Groups, nil
}

// open returns access through the tenant's active connection; errs.Precondition
// "not_connected" without one, or where its kind is not there any more.
func (k *Kinds) open(ctx context.Context) (Access, error) {
	current, ok, err := k.store.Current(ctx)
	if err != nil {
		return Access{}, err
	}
	if !ok || !current.Active() {
		return Access{}, errNotConnected()
	}
	i := slices.IndexFunc(k.list, func(kind Kind) bool { return kind.Type() == current.Type })
	if i < 0 {
		return Access{}, errNotConnected()
	}
	return k.list[i].Open(ctx)
}

// openTenant returns access and the tokens for one managed tenant.
func (k *Kinds) openTenant(ctx context.Context, managedTenant string) (Access, TokenSource, error) {
	access, err := k.open(ctx)
	if err != nil {
		return Access{}, nil, err
	}
	tokens, err := access.into(managedTenant)
	return access, tokens, err
}

// openGroups returns what reads parts of a directory and the tokens for one managed
// tenant.
func (k *Kinds) openGroups(ctx context.Context, managedTenant string) (Groups, TokenSource, error) {
	access, err := k.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	groups, err := access.groups()
	if err != nil {
		return nil, nil, err
	}
	tokens, err := access.into(managedTenant)
	return groups, tokens, err
}

// forget drops what all kinds keep in memory for the context's tenant.
func (k *Kinds) forget(ctx context.Context) {
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		return // nothing is kept without a tenant
	}
	for _, kind := range k.list {
		kind.Forget(id)
	}
}

// sets are the sets of secrets of all kinds.
func (k *Kinds) sets() (sets []string) {
	for _, kind := range k.list {
		sets = append(sets, SetOf(kind.Type()))
	}
	return sets
}

// DirectKind is the connection to Microsoft itself.
type DirectKind struct {
	tokens   *Tokens
	provider Provider
	groups   Groups
}

// NewDirectKind makes the direct kind.
func NewDirectKind(tokens *Tokens, provider Provider, groups Groups) *DirectKind {
	return &DirectKind{tokens: tokens, provider: provider, groups: groups}
}

// Type implements Kind.
func (*DirectKind) Type() Type { return Direct }

// Open implements Kind.
func (d *DirectKind) Open(context.Context) (Access, error) {
	partner := &partnerTokens{tokens: d.tokens}
	return Access{
		Provider: d.provider, Groups: d.groups, Partner: partner, Customer: d.tokens.Customer, Prove: partner.prove, Used: partner.used,
	}, nil
}

// Forget implements Kind.
func (d *DirectKind) Forget(id tenant.ID) { d.tokens.forget(id) }
