// Package discovery knows the managed tenants of an MSP: how they are found,
// what is kept of them, and what is shown.
package discovery

import (
	"slices"
	"strings"
	"time"
	"unicode"
)

// State is the state of a managed tenant.
type State string

// The states.
const (
	StateActive     State = "active"     // in the last complete listing, and readable
	StateGone       State = "gone"       // not in the last complete listing any more
	StateUnreadable State = "unreadable" // in the last complete listing; its directory refuses access, or could never be read
)

// Problem is why something could not be read, and what to do about it.
type Problem struct {
	Code    string // stable, snake_case
	Message string // for people
	Remedy  string // what a person can do; empty where nothing helps but trying again
}

// ManagedTenant is a customer's directory that the MSP manages, or managed.
type ManagedTenant struct {
	ID              string // ours
	EntraTenantID   string // Microsoft's, lower-case
	DisplayName     string
	PrimaryDomain   string   // empty while unknown
	Domains         []string // verified domains, lower-case
	SourceUserCount int32    // users of the directory when it was last counted
	State           State
	Problem         *Problem   // why it is unreadable
	AccessEndsAt    *time.Time // when the delegated access ends; nil: it renews itself, or is unknown
	DiscoveredAt    time.Time  // first time
	LastSeenAt      time.Time  // last complete listing that had it
}

// Found is a managed tenant as one discovery saw it. What it could not read is
// left empty, and what is stored then stays.
type Found struct {
	ID            string // for a tenant that is new; a known one keeps its own
	EntraTenantID string
	DisplayName   string
	NameKey       string
	PrimaryDomain string
	Domains       []string
	UserCount     *int32
	Problem       *Problem
	// Passing means that the problem is temporary and not the tenant's own: it is
	// stored for a new tenant only, a known one stays as it was.
	Passing      bool
	AccessEndsAt *time.Time
}

// Limits of what is stored of a managed tenant. Microsoft keeps to them; a tenant
// that does not must not fail the whole listing.
const (
	maxName   = 256 // characters
	maxID     = 64  // characters
	maxDomain = 253 // bytes
)

// cleanText drops what PostgreSQL cannot store and white space around it.
func cleanText(text string) string {
	return strings.TrimSpace(strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", ""))
}

// cleanName is a name, cut to what is kept of one.
func cleanName(name string) string {
	name = cleanText(name)
	if runes := []rune(name); len(runes) > maxName {
		name = strings.TrimSpace(string(runes[:maxName]))
	}
	return name
}

// cleanDomains returns domains in lower case, each once, without the trailing
// dot and without invalid ones, in their order.
func cleanDomains(domains ...string) []string {
	out := make([]string, 0, len(domains))
	for _, domain := range domains {
		domain = strings.ToLower(strings.TrimSuffix(cleanText(domain), "."))
		if domain == "" || len(domain) > maxDomain || strings.ContainsFunc(domain, unicode.IsSpace) || slices.Contains(out, domain) {
			continue
		}
		out = append(out, domain)
	}
	return out
}

// primaryFirst sorts domains, with the primary one, if it is among them, before the
// others. Microsoft promises no order, and another order is no change.
func primaryFirst(domains []string, primary string) {
	slices.SortFunc(domains, func(a, b string) int {
		switch {
		case a == b:
			return 0
		case a == primary:
			return -1
		case b == primary:
			return 1
		}
		return strings.Compare(a, b)
	})
}

// cleanID returns an id of Microsoft in the form that is compared.
func cleanID(id string) string { return strings.ToLower(cleanText(id)) }

func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
