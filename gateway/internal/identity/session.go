package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// SessionCookie is the name of the cookie. By its prefix browsers take it only with
// Secure, for the whole host and from that host alone.
const SessionCookie = "__Host-entrasync"

const (
	// lastUsePrecision is how exactly the time of the last use is kept.
	lastUsePrecision = time.Minute
	// sessionsPerPerson is how many sessions one person has; the oldest go first.
	sessionsPerPerson = 20
	// tokenOverlap is how long a token is still good after another took its place, for
	// the requests that were on their way.
	tokenOverlap = time.Minute
	// tokenRotation is the age at which a token is replaced.
	tokenRotation = 15 * time.Minute
)

// Session is one browser in which a person signed in. The browser holds a random token in a
// cookie; the store holds its hash. What the identity provider said about the person is
// sealed. A session ends by signing out, by not being used, or by its age.
type Session struct {
	ID         uuid.UUID // names it inside the system; no secret
	Person     Person
	CSRF       string // what unsafe requests carry beside the cookie
	SignedInAt time.Time
	ExpiresAt  time.Time // whatever it is used for

	hash       [sha256.Size]byte
	madeAt     time.Time
	lastUsedAt time.Time
}

// Fits reports whether a request carries the session's CSRF token.
func (s Session) Fits(csrf string) bool {
	return subtle.ConstantTimeCompare([]byte(csrf), []byte(s.CSRF)) == 1 && s.CSRF != ""
}

// SessionRow is a session as it is stored: one for each token.
type SessionRow struct {
	Tenant     tenant.ID
	Hash       [sha256.Size]byte // of the token
	ID         uuid.UUID
	Actor      string
	Sealed     []byte
	CreatedAt  time.Time
	LastUsedAt time.Time
	ExpiresAt  time.Time
}

// SessionStore keeps sessions.
type SessionStore interface {
	// Insert adds a row; of its person's sessions the newest keep remain, and of its
	// tenant's those that are used after idle and expire after the row was made.
	Insert(ctx context.Context, row SessionRow, idle time.Time, keep int) error
	// Find gives the row of a token, of any person; false when there is none.
	Find(ctx context.Context, hash [sha256.Size]byte) (SessionRow, bool, error)
	// Touch sets the time of the last use.
	Touch(ctx context.Context, id tenant.ID, hash [sha256.Size]byte, at time.Time) error
	// Replace adds a row in the place of another, which then ends soon.
	Replace(ctx context.Context, row SessionRow, old [sha256.Size]byte, until time.Time) error
	// Delete ends a session of a person, with all its tokens.
	Delete(ctx context.Context, id tenant.ID, actor string, session uuid.UUID) error
	// DeleteOf ends all sessions of a person.
	DeleteOf(ctx context.Context, id tenant.ID, actor string) error
}

// Box seals what the store keeps.
type Box interface {
	Seal(plain []byte, associated string) ([]byte, error)
	Open(sealed []byte, associated string) ([]byte, error)
}

// SessionConfig says how long sessions last.
type SessionConfig struct {
	Lifetime time.Duration // from signing in
	Idle     time.Duration // from the last use
	Now      func() time.Time
}

// Sessions opens, finds and ends sessions.
type Sessions struct {
	store  SessionStore
	box    Box
	config SessionConfig
}

// NewSessions makes sessions over a store.
func NewSessions(store SessionStore, box Box, config SessionConfig) *Sessions {
	return &Sessions{store: store, box: box, config: config}
}

// Lifetime is how long a session lasts at most.
func (s *Sessions) Lifetime() time.Duration { return s.config.Lifetime }

// sealedSession is what is sealed.
type sealedSession struct {
	Person     Person    `json:"person"`
	CSRF       string    `json:"csrf"`
	SignedInAt time.Time `json:"signedInAt"`
}

// Open makes a session for a person who has just signed in, and the token that its
// browser gets.
func (s *Sessions) Open(ctx context.Context, p Person) (token string, err error) {
	now := s.config.Now()
	made := Session{
		ID: uuid.New(), Person: p, CSRF: rand.Text(), SignedInAt: now, ExpiresAt: now.Add(s.config.Lifetime),
	}
	token, row, err := s.row(made, now)
	if err != nil {
		return "", err
	}
	return token, s.store.Insert(ctx, row, now.Add(-s.config.Idle), sessionsPerPerson)
}

// row makes a token of a session.
func (s *Sessions) row(of Session, now time.Time) (token string, row SessionRow, err error) {
	token = rand.Text()
	row = SessionRow{
		Tenant: of.Person.Tenant, Hash: sha256.Sum256([]byte(token)), ID: of.ID, Actor: of.Person.Subject,
		CreatedAt: now, LastUsedAt: now, ExpiresAt: of.ExpiresAt,
	}
	plain, err := json.Marshal(sealedSession{Person: of.Person, CSRF: of.CSRF, SignedInAt: of.SignedInAt})
	if err != nil {
		return "", row, fmt.Errorf("encoding a session: %w", err)
	}
	row.Sealed, err = s.box.Seal(plain, associated(row))
	return token, row, err
}

// associated ties what is sealed to its row.
func associated(row SessionRow) string {
	return "session/" + string(row.Tenant) + "/" + row.ID.String() + "/" + hex.EncodeToString(row.Hash[:])
}

// errSessionEnded is the one answer to every token that is not good, or no longer.
var errSessionEnded = errs.New(errs.Unauthenticated, reason.Unauthenticated, "Sign in: the session has ended.")

// Find gives the session of a token and notes its use. errs.Unauthenticated when it
// has ended or never was.
func (s *Sessions) Find(ctx context.Context, token string) (Session, error) {
	now := s.config.Now()
	row, ok, err := s.store.Find(ctx, sha256.Sum256([]byte(token)))
	if err != nil {
		return Session{}, err
	}
	if !ok || !now.Before(row.ExpiresAt) || now.Sub(row.LastUsedAt) >= s.config.Idle {
		return Session{}, errSessionEnded
	}
	plain, err := s.box.Open(row.Sealed, associated(row))
	if err != nil {
		slog.WarnContext(ctx, "a session cannot be opened with the keys that there are", "error", err)
		return Session{}, errSessionEnded
	}
	var p sealedSession
	if err := json.Unmarshal(plain, &p); err != nil {
		return Session{}, fmt.Errorf("decoding a session: %w", err)
	}
	if now.Sub(row.LastUsedAt) >= lastUsePrecision {
		if err := s.store.Touch(ctx, row.Tenant, row.Hash, now); err != nil {
			return Session{}, err
		}
		row.LastUsedAt = now
	}
	return Session{
		ID: row.ID, Person: p.Person, CSRF: p.CSRF, SignedInAt: p.SignedInAt, ExpiresAt: row.ExpiresAt,
		hash: row.Hash, madeAt: row.CreatedAt, lastUsedAt: row.LastUsedAt,
	}, nil
}

// IdleAt is when the session ends unless it is used.
func (s *Sessions) IdleAt(of Session) time.Time { return of.lastUsedAt.Add(s.config.Idle) }

// Rotate gives a session another token once its token is old; an empty one while it
// is not. The old one is good for a minute more.
func (s *Sessions) Rotate(ctx context.Context, of Session) (token string, err error) {
	now := s.config.Now()
	if now.Sub(of.madeAt) < tokenRotation || of.ExpiresAt.Sub(now) <= tokenOverlap {
		return "", nil
	}
	token, row, err := s.row(of, now)
	if err != nil {
		return "", err
	}
	return token, s.store.Replace(ctx, row, of.hash, now.Add(tokenOverlap))
}

// Close ends a session.
func (s *Sessions) Close(ctx context.Context, of Session) error {
	return s.store.Delete(ctx, of.Person.Tenant, of.Person.Subject, of.ID)
}

// CloseAll ends every session of the person whose session it is.
func (s *Sessions) CloseAll(ctx context.Context, of Session) error {
	return s.store.DeleteOf(ctx, of.Person.Tenant, of.Person.Subject)
}
