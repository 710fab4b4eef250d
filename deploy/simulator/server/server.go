// Package server answers as the Microsoft identity platform, Microsoft Graph
// and the Partner Center do, for the directories of a fleet. It follows
// Microsoft's documentation, not any client.
package server

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

// App is an app registration.
type App struct {
	ID           string   `json:"clientId"`
	Name         string   `json:"name"`
	Secret       string   `json:"clientSecret"`
	RedirectURIs []string `json:"redirectUris"`
	// PublicKeys are PEM certificates of RSA keys with which the app may prove
	// itself by a signed assertion.
	PublicKeys []string `json:"publicKeys,omitempty"`
	// FederatedCredentials let tokens of other issuers stand for the app.
	FederatedCredentials []FederatedCredential `json:"federatedCredentials,omitempty"`
	// SingleTenant apps exist in the partner's directory only.
	SingleTenant bool `json:"singleTenant,omitempty"`
}

// Config is what a server is made from.
type Config struct {
	Fleet *fleet.Fleet
	Apps  []App
	// CIPP is the registration of the MSP's CIPP instance, in the partner's
	// directory only; without an id nobody gets a token for the instance.
	CIPP App
	// AutoConsent lets a request that does not accept HTML through the consent
	// page at once, and a browser after a few seconds.
	AutoConsent bool
	// StateFile keeps changes and refresh tokens over a restart; empty keeps
	// them in memory only.
	StateFile string
	// Keys may be shared by the servers of a process, since a key takes a while to make;
	// nil: keys of its own.
	Keys *Keys
	// Now is the clock; nil is the system's.
	Now func() time.Time
}

// Server is the simulator as an http.Handler.
type Server struct {
	fleet       *fleet.Fleet
	autoConsent bool
	now         func() time.Time
	key         [32]byte // of access and page tokens
	started     time.Time

	state    *state
	faults   *faults
	throttle *throttle
	counters *counters
	spent    spentAssertions
	keys     *Keys
	cipp     *cipp
	// cippClientID is the registration that CIPP takes tokens of.
	cippClientID string
	partner      *http.ServeMux
	admin        *http.ServeMux
	buffers      sync.Pool
}

// New makes a server and reads its state file.
func New(cfg Config) (*Server, error) {
	if cfg.Fleet == nil {
		return nil, errors.New("a simulator needs a fleet")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Keys == nil {
		cfg.Keys = new(Keys)
	}
	s := &Server{
		fleet:       cfg.Fleet,
		autoConsent: cfg.AutoConsent,
		now:         cfg.Now,
		keys:        cfg.Keys,
		started:     cfg.Now(),
		faults:      newFaults(cfg.Now),
		throttle:    newThrottle(cfg.Now),
		counters:    newCounters(),
		buffers:     sync.Pool{New: func() any { b := make([]byte, 0, 64<<10); return &b }},
	}
	// Derived from the seed, so that tokens outlive a restart. It protects
	// nothing but made-up people.
	s.key = sha256.Sum256(binary.BigEndian.AppendUint64([]byte("entrasync simulator "), cfg.Fleet.Seed()))
	st, err := openState(cfg.StateFile, cfg.Fleet)
	if err != nil {
		return nil, err
	}
	for _, app := range cfg.Apps {
		st.addApp(app)
	}
	if cfg.CIPP.ID != "" {
		cfg.CIPP.SingleTenant = true
		st.addApp(cfg.CIPP)
	}
	s.cippClientID, s.cipp = cfg.CIPP.ID, newCIPP(cfg.Fleet, cfg.Now)
	s.state = st
	s.partner = s.partnerRoutes()
	s.admin = s.adminRoutes()
	return s, nil
}

// Close closes the state file.
func (s *Server) Close() error { return s.state.close() }

// ServeHTTP sends a request to the party it is for: Graph under /v1.0 and
// /beta, the Partner Center under /v1, CIPP under /cipp, the administrator
// under /admin, and the identity platform under everything else, where the first part of the path is
// a tenant.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	first, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch first {
	case "v1.0", "beta":
		s.serveGraph(w, r, first, rest)
	case "v1":
		s.partner.ServeHTTP(w, r)
	case "admin":
		s.admin.ServeHTTP(w, r)
	case "issuer":
		s.serveIssuer(w, r, rest)
	case "cipp":
		http.StripPrefix("/cipp", s.CIPP()).ServeHTTP(w, r)
	case "", "favicon.ico":
		http.NotFound(w, r)
	default:
		if graphVersion.MatchString(first) {
			s.serveGraph(w, r, first, rest)
			return
		}
		s.serveLogin(w, r, first, rest)
	}
}

// baseURL is where the caller reached the simulator.
func baseURL(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// newID is a random UUID for requests and traces.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never errors, by its contract
	return formatGUID(b)
}
