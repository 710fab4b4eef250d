package server

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

// grant is what stands behind a refresh token: a user's word to an app. It
// belongs to the user and the app and to no tenant.
type grant struct {
	Token    string    `json:"token"`
	App      string    `json:"app"`
	TenantID string    `json:"tenant"` // the user's home
	UserID   string    `json:"user"`
	Scope    string    `json:"scope"`
	IssuedAt time.Time `json:"issuedAt"`
	// Refused is the AADSTS number with which an administrator ended it.
	Refused int `json:"refused,omitempty"`
}

// authCode is an authorization code that waits to be redeemed.
type authCode struct {
	app, redirectURI, scope, challenge string
	authority, tenantID, userID, nonce string
	issuedAt                           time.Time
	used                               bool
}

// consent is what an app may do in a tenant.
type consent struct {
	App       string   `json:"app"`
	TenantID  string   `json:"tenant"`
	Delegated []string `json:"delegated"`
	Roles     []string `json:"roles"`
	// Ordered consents come from the administrator of the simulator and lie
	// over those that tenants gave.
	Ordered bool `json:"ordered,omitempty"`
}

// secret is a value that must never be found in clear outside the simulator.
type secret struct {
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

// record is a line of the journal; one field is set.
type record struct {
	Change  *fleet.Change `json:"change,omitempty"`
	Grant   *grant        `json:"grant,omitempty"`
	Consent *consent      `json:"consent,omitempty"`
	App     *App          `json:"app,omitempty"`
	// Refuse ends all grants of a user or, if empty, all there are.
	Refuse *refusal `json:"refuse,omitempty"`
	// Expire makes access tokens issued before now unusable.
	Expire     *expiry     `json:"expire,omitempty"`
	Membership *membership `json:"membership,omitempty"`
	Policy     *policy     `json:"policy,omitempty"`
	// Reset lifts every refusal that an administrator ordered.
	Reset bool `json:"reset,omitempty"`
}

type refusal struct {
	UserID string `json:"user,omitempty"`
	AADSTS int    `json:"aadsts"`
}

type expiry struct {
	TenantID string `json:"tenant,omitempty"`
}

// state is all that the simulator remembers besides the fleet.
type state struct {
	mu         sync.Mutex
	apps       map[string]App
	codes      map[string]*authCode
	grants     map[string]grant
	consents   map[string]consent
	ordered    map[string]consent // over the consents, until lifted
	generation map[string]int     // of access tokens, by tenant; "" counts for all
	outside    map[string]bool    // users and tenants apart from GDAP's groups
	policies   map[string]int
	secrets    []secret
	known      map[string]bool // the values of secrets
	journal    *os.File
	journalErr error
}

func openState(path string, f *fleet.Fleet) (*state, error) {
	s := &state{
		apps: map[string]App{}, codes: map[string]*authCode{}, grants: map[string]grant{},
		consents: map[string]consent{}, ordered: map[string]consent{}, generation: map[string]int{}, known: map[string]bool{},
		outside: map[string]bool{}, policies: map[string]int{},
	}
	if path != "" {
		if err := s.replay(path, f); err != nil {
			return nil, fmt.Errorf("reading the state file %s: %w", path, err)
		}
		file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, fmt.Errorf("opening the state file: %w", err)
		}
		s.journal = file
	}
	f.Observe(func(c fleet.Change) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.write(record{Change: &c})
	})
	return s, nil
}

func (s *state) replay(path string, f *fleet.Fleet) error {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 64<<20)
	var broken error
	for n := 1; lines.Scan(); n++ {
		if broken != nil {
			return broken
		}
		var rec record
		if err := json.Unmarshal(lines.Bytes(), &rec); err != nil {
			// A line cut off by a kill may only be the last one.
			broken = fmt.Errorf("line %d: %w", n, err)
			continue
		}
		if rec.Change != nil {
			if _, err := f.Apply(*rec.Change); err != nil {
				return fmt.Errorf("line %d, of another fleet: %w", n, err)
			}
			continue
		}
		s.apply(rec)
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if broken != nil {
		return s.cutTail(path)
	}
	return nil
}

// cutTail removes the unfinished last line of a journal.
func (s *state) cutTail(path string) error {
	whole, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.Truncate(path, int64(strings.LastIndexByte(strings.TrimSuffix(string(whole), "\n"), '\n')+1))
}

// commit applies a record and writes it down.
func (s *state) commit(rec record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.apply(rec)
	s.write(rec)
}

func (s *state) apply(rec record) {
	switch {
	case rec.Grant != nil:
		s.grants[rec.Grant.Token] = *rec.Grant
		s.keepSecret("refresh_token", rec.Grant.Token)
	case rec.Consent != nil:
		key := rec.Consent.App + " " + rec.Consent.TenantID
		if rec.Consent.Ordered {
			s.ordered[key] = *rec.Consent
			break
		}
		s.consents[key] = *rec.Consent
		delete(s.ordered, key)
	case rec.App != nil:
		s.addApp(*rec.App)
	case rec.Refuse != nil:
		for token, g := range s.grants {
			if rec.Refuse.UserID == "" || rec.Refuse.UserID == g.UserID {
				g.Refused = rec.Refuse.AADSTS
				s.grants[token] = g
			}
		}
	case rec.Expire != nil:
		s.generation[rec.Expire.TenantID]++
	case rec.Membership != nil:
		s.outside[rec.Membership.UserID+" "+rec.Membership.TenantID] = rec.Membership.Out
	case rec.Policy != nil:
		s.policies[rec.Policy.TenantID] = rec.Policy.AADSTS
	case rec.Reset:
		s.lift()
	}
}

// lift puts consents, policies and groups back to how they were and takes
// refused grants again. It wants the lock to be held.
func (s *state) lift() {
	clear(s.outside)
	clear(s.policies)
	clear(s.ordered)
	for token, g := range s.grants {
		g.Refused = 0
		s.grants[token] = g
	}
}

func (s *state) write(rec record) {
	if s.journal == nil || s.journalErr != nil {
		return
	}
	line, err := json.Marshal(rec)
	if err == nil {
		_, err = s.journal.Write(append(line, '\n'))
	}
	s.journalErr = err
}

// close reports also what went wrong while writing.
func (s *state) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.journal == nil {
		return nil
	}
	return errors.Join(s.journalErr, s.journal.Close())
}

func (s *state) app(id string) (App, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	app, ok := s.apps[id]
	return app, ok
}

func (s *state) grant(token string) (grant, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.grants[token]
	return g, ok
}

func (s *state) generations(tenant string) [2]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return [2]int{s.generation[""], s.generation[tenant]}
}

func (s *state) noteSecret(kind, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keepSecret(kind, value)
}

// keepSecret wants the lock to be held.
func (s *state) keepSecret(kind, value string) {
	if value == "" || s.known[value] {
		return
	}
	s.known[value] = true
	s.secrets = append(s.secrets, secret{kind, value})
}

// addApp registers an app; the secret of one that it replaces stays known. It
// wants the lock to be held, or nobody else to be there yet.
func (s *state) addApp(app App) {
	s.apps[app.ID] = app
	s.keepSecret("client_secret", app.Secret)
}

func (s *state) allSecrets() []secret {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.secrets)
}

func (s *state) addCode(value string, c authCode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[value] = &c
	s.keepSecret("code", value)
}

// takeCode marks a code as used and says what it was before.
func (s *state) takeCode(value string) (code authCode, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.codes[value]
	if !ok {
		return authCode{}, false
	}
	code = *c
	c.used = true
	return code, true
}

// consentOf is what an app may do in a tenant. Customers have consented until
// somebody revokes it; the partner's own consent comes from signing in.
func (s *state) consentOf(app string, t fleet.Tenant) consent {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, given := range []map[string]consent{s.ordered, s.consents} {
		if c, ok := given[app+" "+t.ID]; ok {
			c.Ordered = false
			return c
		}
	}
	c := consent{App: app, TenantID: t.ID}
	if t.Index > 0 {
		c.Delegated, c.Roles = customerScopes, customerRoles
		return c
	}
	c.Roles = []string{"DelegatedAdminRelationship.Read.All", "Directory.Read.All", "User.Read.All"}
	return c
}
