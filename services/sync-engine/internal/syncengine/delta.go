package syncengine

import (
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"time"
)

// DeltaLink is where a list of changes begins, as the source gave it. It holds a
// token, which opens nothing without the right to read the directory; it prints as
// [redacted] all the same.
type DeltaLink string

const redacted = "[redacted]"

// Format prints [redacted] for every verb and flag.
func (DeltaLink) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue is [redacted].
func (DeltaLink) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText is [redacted].
func (DeltaLink) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LastRound is where a directory's last round left off.
type LastRound struct {
	DeltaLink       DeltaLink // empty: the next round lists everybody
	Fingerprint     string    // of the settings that decided it
	ClientID        string
	MappingRevision int64
	FullAt          *time.Time // when everybody was listed last
	Standing        *Standing  // nil where it is not known
	HostMoved       bool       // contacts of the client were written since, by others than its rounds
}

// Standing is what a directory comes to while nothing changes in it.
type Standing struct {
	Identities int            `json:"identities"`
	Failed     int            `json:"failed"`
	Filtered   map[string]int `json:"filtered"`
	Failures   []Failure      `json:"failures"`
	Undecided  int            `json:"undecided"`  // identities that a person decides about, or has decided about
	ReportedIn string         `json:"reportedIn"` // the run whose report has those that failed or are filtered
}

// standing is what a round leaves behind; record adds where it is reported.
func (t Tally) standing(undecided int) *Standing {
	return &Standing{Identities: t.Identities, Failed: t.Failed, Filtered: t.Filtered, Failures: t.Failures, Undecided: undecided}
}

// tally is what was counted.
func (s *Standing) tally() Tally {
	return Tally{Identities: s.Identities, Failed: s.Failed, Filtered: s.Filtered, Failures: s.Failures}
}

// A delta token lives seven days, and everybody is to be listed as often. Each
// directory has its own time for it within six, so that with a round a day no more
// than seven lie between two listings, and a fleet does not list everything at once.
const (
	listingPeriod   = 6 * 24 * time.Hour
	listingDeadline = 7 * 24 * time.Hour
)

// since is the delta link that a round with these rules asks with, empty where it
// lists everybody: when nothing is known to build on, when the settings or the
// mapping are others than they were, and when it is time.
func (l LastRound) since(m ManagedTenant, rules Rules) DeltaLink {
	if l.DeltaLink == "" || l.Fingerprint != rules.Settings.Fingerprint() || l.ClientID != m.ClientID || l.MappingRevision != m.MappingRevision {
		return ""
	}
	if l.FullAt == nil || listingDue(m.EntraTenantID, *l.FullAt, rules) {
		return ""
	}
	return l.DeltaLink
}

// listingDue reports whether the directory's time came since its last listing, or
// will be over before the next round.
func listingDue(directory string, last time.Time, rules Rules) bool {
	h := fnv.New64a()
	_, _ = h.Write([]byte(directory))
	offset := time.Duration(h.Sum64() % uint64(listingPeriod)) // below six days
	turn := rules.Now.Add(-offset).Truncate(listingPeriod).Add(offset)
	next := rules.Now.Add(time.Duration(rules.Settings.IntervalMinutes) * time.Minute)
	return last.Before(turn) || next.After(last.Add(listingDeadline))
}
