package mapping

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/sheet"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// DecisionKind is what a person can decide about a managed tenant.
type DecisionKind string

// The kinds.
const (
	DecideMap       DecisionKind = "map"
	DecideSkip      DecisionKind = "skip"
	DecideReview    DecisionKind = "review"
	DecideCreateNew DecisionKind = "create_new"
)

var decidedStates = map[DecisionKind]State{
	DecideMap: StateMapped, DecideSkip: StateSkipForNow, DecideReview: StateNeedsReview, DecideCreateNew: StateCreateNew,
}

// Decision is what a person decides about one managed tenant.
type Decision struct {
	ManagedTenantID  string
	Kind             DecisionKind
	ClientID         string // with map
	ClientExternalID string // with map, in its place or beside it: the host's own id
	// Revision is the managed tenant's when the person looked, 0 when it was never
	// decided about; nil is not compared.
	Revision *int64
}

// noRevision stands for a revision in CSV that is no number; no managed tenant has it.
const noRevision = -1

// Current is what decisions are checked against, as it is inside the
// transaction that writes them.
type Current struct {
	Version int64
	States  States             // of every decision in force
	Active  map[string]Mapping // in force about those that the decisions name, by managed tenant
	Ended   map[string]Mapping // by managed tenant: the last one where none is in force; read when it is asked for
	Clients map[string]Client  // those that the decisions name, by id
	Since   []Mapping          // the last of each managed tenant that was decided about after the version that the person saw
}

// Change is a decision that differs from the one in force.
type Change struct {
	Tenant   ManagedTenant
	State    State // undecided: the decision in force ends and no other begins
	ClientID string
	Score    *float64
	Before   *Mapping // the decision that ends
}

// Refresh is the present name and primary domain of a managed tenant whose decision a person
// repeats.
type Refresh struct {
	ManagedTenantID string
	ClientID        string // of a mapped one
	DisplayName     string
	PrimaryDomain   string
}

// refreshes returns what repeated decisions refresh; what discovery does not know at present
// stays as it is. The decision is the same, so this is no change of a mapping.
func refreshes(decisions []Decision, changes []Change, tenants map[string]ManagedTenant, now Current) (all []Refresh) {
	changed := make(map[string]bool, len(changes))
	for _, change := range changes {
		changed[change.Tenant.ID] = true
	}
	for _, d := range decisions {
		before, decided := now.Active[d.ManagedTenantID]
		if !decided || changed[d.ManagedTenantID] {
			continue
		}
		tenant := tenants[d.ManagedTenantID]
		name, domain := cmp.Or(tenant.DisplayName, before.DisplayName), cmp.Or(tenant.PrimaryDomain, before.PrimaryDomain)
		if name != before.DisplayName || domain != before.PrimaryDomain {
			all = append(all, Refresh{ManagedTenantID: d.ManagedTenantID, ClientID: before.ClientID, DisplayName: name, PrimaryDomain: domain})
		}
	}
	return all
}

// severity orders findings, the most severe first.
type severity int

const (
	malformed severity = iota // it can never succeed as it is written
	repeated                  // it contradicts another
	stale                     // another person decided in between
)

// allDecisions is the index of a finding about all decisions together.
const allDecisions = -1

// finding is one thing that is wrong with a decision.
type finding struct {
	severity severity
	at       int    // index of the decision, or allDecisions
	field    string // of the decision, in JSON names
	message  string
	other    int // index of the decision that a repeated one contradicts
}

// naming is how a sender names decisions and their fields.
type naming struct {
	decision func(at int) string
	field    func(at int, field string) string
}

// ofList names the decisions of a list.
func ofList() naming {
	name := func(at int) string { return fmt.Sprintf("decisions[%d]", at) }
	return naming{decision: name, field: func(at int, field string) string { return name(at) + "." + field }}
}

// ofRequest names the one decision of a request.
func ofRequest() naming {
	return naming{decision: func(int) string { return "the request" }, field: func(_ int, field string) string { return field }}
}

// violation is the answer's form of a finding.
func (p naming) violation(f finding) errs.Violation {
	v := errs.Violation{Field: f.field, Message: f.message}
	if f.at != allDecisions {
		v.Field = p.field(f.at, f.field)
	}
	if f.severity == repeated {
		v.Message = "is decided in " + p.decision(f.other) + " already"
	}
	return v
}

// Plan checks decisions and gives those that change something. It refuses all of
// them, with every reason, when it refuses one: errs.Invalid "invalid_argument",
// errs.Conflict "mapping_conflict" or "stale_version".
func Plan(decisions []Decision, version *int64, tenants map[string]ManagedTenant, now Current) ([]Change, error) {
	changes, found := examine(decisions, version, tenants, now)
	return changes, ofList().refusal(found)
}

// examine gives the changes that decisions make, and all that is wrong with them;
// if anything is, the changes mean nothing.
func examine(decisions []Decision, version *int64, tenants map[string]ManagedTenant, now Current) (changes []Change, found []finding) {
	report := func(at int, field, message string) {
		found = append(found, finding{severity: malformed, at: at, field: field, message: message})
	}
	byExternalID := make(map[string]Client, len(now.Clients))
	for _, client := range now.Clients {
		byExternalID[client.ExternalID] = client
	}
	first := make(map[string]int, len(decisions))
	asOne := version != nil && *version != now.Version // then staleness reports all decisions
	changes = make([]Change, 0, len(decisions))
	for i, d := range decisions {
		tenant, known := tenants[d.ManagedTenantID]
		if !known {
			report(i, "managedTenantId", "is not a managed tenant")
		}
		if at, twice := first[d.ManagedTenantID]; twice {
			found = append(found, finding{severity: repeated, at: i, field: "managedTenantId", other: at})
		} else {
			first[d.ManagedTenantID] = i
		}
		state, ok := decidedStates[d.Kind]
		if !ok {
			report(i, "decision", "is not map, skip, review or create_new")
			continue
		}
		client, field, problem := clientOf(d, now.Clients, byExternalID)
		if problem != "" {
			report(i, field, problem)
		}
		before, decided := now.Active[d.ManagedTenantID]
		if !known || decided && before.State == state && before.ClientID == client.ID {
			continue
		}
		if tenant.State == TenantGone && (state == StateMapped || state == StateCreateNew) {
			report(i, "managedTenantId", "is gone and cannot be mapped anew")
		}
		changes = append(changes, changeOf(tenant, state, client, before, decided))
		if f := outdated(i, d, now); f != nil && !asOne {
			found = append(found, *f)
		}
	}
	return changes, append(found, staleness(version, now, first)...)
}

// outdated compares the revision that a person saw; nil when there was no decision since.
// The same decision by another person is no conflict.
func outdated(at int, d Decision, now Current) *finding {
	last, decided := now.Active[d.ManagedTenantID]
	if !decided {
		last = now.Ended[d.ManagedTenantID]
	}
	switch {
	case d.Revision == nil || *d.Revision == last.Revision:
		return nil
	case *d.Revision < 0 || *d.Revision > last.Revision:
		return &finding{severity: malformed, at: at, field: "revision", message: "is not a revision that the export wrote for this managed tenant"}
	}
	return &finding{severity: stale, at: at, field: "managedTenantId", message: last.since()}
}

// since describes the decision to a person who has not seen it.
func (m Mapping) since() string {
	what, at, by := string(m.State), m.DecidedAt, m.DecidedBy
	if m.ClientID != "" {
		what += fmt.Sprintf(" to %q (client %s)", m.ClientName, m.ClientID)
	}
	if m.DeactivatedAt != nil {
		what, at, by = string(StateUndecided), *m.DeactivatedAt, m.DeactivatedBy
	}
	return fmt.Sprintf("is %s since %s, decided by %s", what, at.UTC().Format(time.RFC3339), by)
}

// maxOthers bounds how much an answer lists of what was decided in between about
// managed tenants that the person does not decide.
const maxOthers = 200

// staleness lists what was decided since the version that a person saw: all about
// the managed tenants that the person decides too, then some about others.
func staleness(version *int64, now Current, decided map[string]int) []finding {
	if version == nil || *version == now.Version {
		return nil
	}
	found := []finding{{severity: stale, at: allDecisions, field: "version", message: fmt.Sprintf("the mappings are at version %d", now.Version)}}
	var others []finding
	for _, s := range now.Since {
		text := s.since()
		if at, ours := decided[s.ManagedTenantID]; ours {
			found = append(found, finding{severity: stale, at: at, field: "managedTenantId", message: text})
		} else {
			others = append(others, finding{severity: stale, at: allDecisions, field: "version", message: "managed tenant " + s.ManagedTenantID + " " + text})
		}
	}
	slices.SortFunc(found[1:], func(a, b finding) int { return a.at - b.at })
	if more := len(others) - maxOthers; more > 0 {
		others = append(others[:maxOthers], finding{
			severity: stale, at: allDecisions, field: "version", message: fmt.Sprintf("and %d more managed tenants", more),
		})
	}
	return append(found, others...)
}

// refusal lists all findings under the kind of the most severe one; nil when there are
// none.
func (p naming) refusal(found []finding) error {
	if len(found) == 0 {
		return nil
	}
	slices.SortStableFunc(found, func(a, b finding) int { return int(a.severity - b.severity) })
	violations := make([]errs.Violation, 0, len(found))
	for _, f := range found {
		violations = append(violations, p.violation(f))
	}
	all := errs.WithViolations(violations...)
	switch found[0].severity {
	case malformed:
		return errs.New(errs.Invalid, reason.InvalidArgument, "The decisions cannot be confirmed as they are.", all)
	case repeated:
		return errs.New(errs.Conflict, reason.MappingConflict, "A managed tenant is decided more than once.", all)
	}
	return errs.New(errs.Conflict, reason.StaleVersion, "Somebody else decided in between. Look at the mappings again.", all)
}

// clientOf gives the client that a decision names, or what is wrong with which
// of its fields.
func clientOf(d Decision, byID, byExternalID map[string]Client) (client Client, field, problem string) {
	named := d.ClientID != "" || d.ClientExternalID != ""
	switch {
	case d.Kind == DecideMap && !named:
		return Client{}, "clientId", "is needed to map"
	case d.Kind != DecideMap && named:
		return Client{}, "clientId", "does not go with " + string(d.Kind)
	case !named:
		return Client{}, "", ""
	}
	if d.ClientID != "" {
		client, known := byID[d.ClientID]
		if !known || client.Deleted {
			return Client{}, "clientId", "is not a client"
		}
		if d.ClientExternalID != "" && client.ExternalID != d.ClientExternalID {
			return Client{}, "clientExternalId", "is not that of the client with the id" + changedBySpreadsheet(d.ClientExternalID)
		}
		return client, "", ""
	}
	client, known := byExternalID[d.ClientExternalID]
	if !known || client.Deleted {
		return Client{}, "clientExternalId", "is not a client" + changedBySpreadsheet(d.ClientExternalID)
	}
	return client, "", ""
}

// changedBySpreadsheet explains an unknown external id that a spreadsheet may have changed.
func changedBySpreadsheet(externalID string) string {
	if !sheet.LooksRewritten(externalID) {
		return ""
	}
	return ": it looks as if a spreadsheet had made a number or a date of it; write it as text, or leave it empty and name the client by its id"
}

func changeOf(tenant ManagedTenant, state State, client Client, before Mapping, decided bool) Change {
	change := Change{Tenant: tenant, State: state, ClientID: client.ID}
	if decided {
		change.Before = &before
	}
	if client.ID != "" {
		if found := Compare(tenant, []Client{client}); len(found.Matches) == 1 {
			change.Score = &found.Matches[0].Score
		}
	}
	return change
}
