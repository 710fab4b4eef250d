package connection

import (
	"time"

	"github.com/entrasync/entrasync/proto/entrasync/connectionstatus"
)

// Status is the state of a tenant's connection.
type Status string

// The states. NotConnected has no row.
const (
	NotConnected     Status = connectionstatus.NotConnected
	Connected        Status = connectionstatus.Connected
	ValidationFailed Status = connectionstatus.ValidationFailed
	Disconnected     Status = connectionstatus.Disconnected
)

// Type is the kind of a connection.
type Type string

// The kind that people are offered; others are packages of their own (Kind).
const (
	// Direct is a connection to Microsoft itself.
	Direct Type = "direct"
)

// AvailableTypes lists the kinds that a person may choose.
func AvailableTypes() []Type { return []Type{Direct} }

// Connection is the newest connection of a tenant.
type Connection struct {
	ID              string
	Type            Type
	Status          Status
	PartnerTenantID string     // Entra tenant of the partner
	ClientID        string     // of the app that the grant was given to; empty where that was not kept
	Scope           string     // as Microsoft granted it, separated by spaces
	SecretVersion   string     // of the token set in use; empty once it has ended
	TokenExpiresAt  *time.Time // nil where no token is stored
	ConnectedBy     string
	ConnectedAt     time.Time
	LastValidatedAt *time.Time // nil: never
	LastError       *Snapshot
	// CustomerEpoch is raised when tokens of managed tenants that replicas keep
	// are void.
	CustomerEpoch int64
}

// Active reports whether the connection has a grant to work with.
func (c Connection) Active() bool {
	return connectionstatus.Active(string(c.Status))
}

// Snapshot is the last failed validation as it is shown.
type Snapshot struct {
	Code      string
	Message   string
	CheckedAt time.Time
}

// Caller is the person on whose behalf a use case works. The tenant is in the context.
type Caller struct {
	User    string // opaque id of the person
	Session string // id of the browser session, no secret; empty for bearer callers
}

// Grant is what Microsoft gives for a code or a refresh token.
type Grant struct {
	AccessToken     Secret
	RefreshToken    Secret // empty when none came back
	ExpiresAt       time.Time
	Scope           string
	PartnerTenantID string // of the person who consented; empty after a refresh
}

// Token is an access token and when it ends.
type Token struct {
	Value     Secret
	ExpiresAt time.Time
}
