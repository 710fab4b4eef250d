// Package vaulttest is a stand-in for HashiCorp Vault and OpenBao, written from
// the public documentation of Vault's HTTP API: login by AppRole and Kubernetes,
// tokens with leases, the KV secrets engine of both versions and the transit engine.
// It refuses what the documentation says is refused, with the documented status
// codes and bodies.
package vaulttest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// Server is a store with one KV mount and one transit mount. Its clock and its
// faults belong to the test.
type Server struct {
	URL string

	// What it accepts; set before the first request.
	RoleID, SecretID string        // AppRole
	Role, JWT        string        // Kubernetes
	Namespace        string        // when set, requests must name it
	Mount            string        // of the KV engine; "secret" by default
	KVVersion        int           // of the KV engine; 2 by default
	MaxVersions      int           // of the mount; 10 by default, as Vault's
	DeleteAfter      time.Duration // of the mount: versions are deleted by themselves
	Lease            time.Duration // of tokens; an hour by default
	MaxLease         time.Duration // how long a token can be renewed; a day by default

	mu       sync.Mutex
	now      func() time.Time
	tokens   map[string]*token
	keys     map[string]*secret
	plain    map[string]json.RawMessage // of the KV engine of version 1
	transit  map[string][]byte
	counts   map[string]int
	sealed   bool
	standby  bool
	deny     bool
	forbid   map[string]bool // methods with parts of the KV engine
	noRenew  bool
	nextID   int
	override func(w http.ResponseWriter, r *http.Request) bool
}

type token struct {
	made, expires time.Time
	revoked       bool
}

// New starts a server that ends with the test. now is the clock of leases and
// versions.
func New(t testing.TB, now func() time.Time) *Server {
	t.Helper()
	s := prepare(now)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// NewTLS is New with TLS; it gives the server's certificate in PEM.
func NewTLS(t testing.TB, now func() time.Time) (s *Server, ca []byte) {
	t.Helper()
	s = prepare(now)
	server := httptest.NewTLSServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s, pemOf(server.Certificate())
}

func prepare(now func() time.Time) *Server {
	return &Server{
		RoleID: "role-of-the-tests", SecretID: "secret-id-of-the-tests", Role: "entrasync", JWT: "jwt-of-the-pod",
		Mount: "secret", KVVersion: 2, MaxVersions: 10, Lease: time.Hour, MaxLease: 24 * time.Hour, now: now,
		tokens: map[string]*token{}, keys: map[string]*secret{}, plain: map[string]json.RawMessage{}, transit: map[string][]byte{}, counts: map[string]int{},
	}
}

// set changes the server under its lock.
func (s *Server) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// Seal makes every request fail as on a sealed server, until Unseal.
func (s *Server) Seal() { s.set(func() { s.sealed = true }) }

// Unseal ends Seal and Standby.
func (s *Server) Unseal() { s.set(func() { s.sealed, s.standby = false, false }) }

// Standby makes the server answer as a standby node that does not forward: it
// redirects to the active one.
func (s *Server) Standby() { s.set(func() { s.standby = true }) }

// Deny makes the policy forbid everything but login and renewal.
func (s *Server) Deny(denied bool) { s.set(func() { s.deny = denied }) }

// Forbid makes the policy forbid one method on one part of the KV engine of version 2.
func (s *Server) Forbid(method, part string) {
	s.set(func() { s.forbid = map[string]bool{method + " " + part: true} })
}

// Remount replaces the KV engine by an empty one of another version at the same path.
func (s *Server) Remount(version int) {
	s.set(func() {
		s.KVVersion, s.keys, s.plain = version, map[string]*secret{}, map[string]json.RawMessage{}
	})
}

// RefuseRenewal makes tokens no longer renewable.
func (s *Server) RefuseRenewal(refused bool) { s.set(func() { s.noRenew = refused }) }

// Revoke ends all tokens at once.
func (s *Server) Revoke() {
	s.set(func() {
		for _, t := range s.tokens {
			t.revoked = true
		}
	})
}

// Answer lets the test answer in place of the server; it returns true where it
// did.
func (s *Server) Answer(override func(w http.ResponseWriter, r *http.Request) bool) {
	s.set(func() { s.override = override })
}

// Count returns the number of requests: "login", "renew", "denied", or a method
// and the first part of a path in the KV engine ("PUT data").
func (s *Server) Count(what string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[what]
}

// Tokens lists every token that was issued.
func (s *Server) Tokens() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for id := range s.tokens {
		all = append(all, id)
	}
	return all
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.override != nil && s.override(w, r) {
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/v1/")
	switch {
	case s.sealed:
		fail(w, http.StatusServiceUnavailable, "Vault is sealed")
	case s.standby:
		w.Header().Set("Location", "https://active.invalid:8200"+r.URL.Path)
		w.WriteHeader(http.StatusTemporaryRedirect)
	case !ok:
		fail(w, http.StatusNotFound)
	case r.Header.Get("X-Vault-Namespace") != s.Namespace, r.Header.Get("X-Vault-Request") != "true":
		fail(w, http.StatusNotFound, fmt.Sprintf("no handler for route %q. route entry not found.", path))
	case path == "auth/approle/login":
		s.login(w, r, s.RoleID, "role_id", s.SecretID, "secret_id")
	case path == "auth/kubernetes/login":
		s.login(w, r, s.Role, "role", s.JWT, "jwt")
	default:
		s.authorised(w, r, path)
	}
}

// authorised serves what needs a token.
func (s *Server) authorised(w http.ResponseWriter, r *http.Request, path string) {
	id := r.Header.Get("X-Vault-Token")
	held := s.tokens[id]
	if held == nil || held.revoked || !s.now().Before(held.expires) {
		s.counts["denied"]++
		fail(w, http.StatusForbidden, "permission denied")
		return
	}
	if path == "auth/token/renew-self" {
		s.renew(w, id, held)
		return
	}
	if s.deny {
		s.counts["denied"]++
		fail(w, http.StatusForbidden, "1 error occurred:\n\t* permission denied\n\n")
		return
	}
	mount, rest, _ := strings.Cut(path, "/")
	switch mount {
	case s.Mount:
		if s.KVVersion == 1 {
			s.kvOne(w, r, rest)
			return
		}
		s.kv(w, r, rest)
	case "sys":
		s.system(w, rest)
	case "transit":
		s.crypt(w, r, rest)
	default:
		fail(w, http.StatusNotFound, fmt.Sprintf("no handler for route %q. route entry not found.", path))
	}
}

func (s *Server) login(w http.ResponseWriter, r *http.Request, name, nameField, proof, proofField string) {
	s.counts["login"]++
	var body map[string]any
	if r.Method != http.MethodPost && r.Method != http.MethodPut {
		fail(w, http.StatusMethodNotAllowed, "unsupported operation")
		return
	}
	if !s.read(w, r, &body) {
		return
	}
	if body[nameField] != name || body[proofField] != proof {
		if proofField == "jwt" {
			fail(w, http.StatusForbidden, "permission denied")
		} else {
			fail(w, http.StatusBadRequest, "invalid role or secret ID")
		}
		return
	}
	s.nextID++
	id := fmt.Sprintf("hvs.token-of-the-tests-%d", s.nextID)
	now := s.now()
	s.tokens[id] = &token{made: now, expires: now.Add(s.Lease)}
	s.auth(w, id, s.Lease)
}

// renew extends a token to its lease from now, never past its maximum.
func (s *Server) renew(w http.ResponseWriter, id string, held *token) {
	s.counts["renew"]++
	if s.noRenew {
		fail(w, http.StatusBadRequest, "lease is not renewable")
		return
	}
	now := s.now()
	life := min(s.Lease, held.made.Add(s.MaxLease).Sub(now))
	held.expires = now.Add(life)
	s.auth(w, id, life)
}

func (s *Server) auth(w http.ResponseWriter, id string, life time.Duration) {
	reply(w, http.StatusOK, map[string]any{
		"request_id": "6cf4f4e6", "lease_id": "", "renewable": false, "lease_duration": 0, "data": nil, "wrap_info": nil, "warnings": nil,
		"auth": map[string]any{
			"client_token": id, "accessor": "accessor", "policies": []string{"default", "entrasync"}, "token_policies": []string{"default"},
			"metadata": map[string]string{}, "lease_duration": int(life / time.Second), "renewable": !s.noRenew,
			"entity_id": "", "token_type": "service", "orphan": true,
		},
	})
}

// read decodes a body.
func (s *Server) read(w http.ResponseWriter, r *http.Request, into any) bool {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 32<<20)).Decode(into); err != nil {
		fail(w, http.StatusBadRequest, "error parsing JSON")
		return false
	}
	return true
}

// reply writes an answer as the API gives it.
func reply(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// data writes the usual envelope.
func data(w http.ResponseWriter, status int, content any) {
	reply(w, status, map[string]any{
		"request_id": "6cf4f4e6", "lease_id": "", "renewable": false, "lease_duration": 0, "data": content,
		"wrap_info": nil, "warnings": nil, "auth": nil,
	})
}

// fail writes an error as the API does; without texts it is {"errors":[]}.
func fail(w http.ResponseWriter, status int, messages ...string) {
	if messages == nil {
		messages = []string{}
	}
	reply(w, status, map[string]any{"errors": messages})
}
