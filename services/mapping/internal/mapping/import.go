package mapping

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/entrasync/entrasync/pkg/settle"
)

// The outcomes of an imported line.
const (
	LineChanged   = "changed" // or would be, in a dry run
	LineUnchanged = "unchanged"
	LineConflict  = "conflict" // it was decided by another person since the export
	LineInvalid   = "invalid"
)

// ImportedLine is a line that decides something or is wrong.
type ImportedLine struct {
	Number          int // in the text; the header is line 1
	ManagedTenantID string
	Decision        DecisionKind
	ClientID        string
	Outcome         string
	Violations      []RecordViolation // by column
}

// Imported is the result of an import.
type Imported struct {
	DryRun    bool
	Applied   bool // the decisions were written
	Changed   int32
	Unchanged int32
	Undecided int32 // lines without a decision, which are left as they are
	Conflicts int32
	Invalid   int32
	Lines     []ImportedLine
	Version   int64
	Summary   *Summary // after the import; of a dry run, what it would be; nil where discovery cannot be reached
	Effects   string   // settled or pending; empty when nothing was written
}

// ImportStore writes decisions, or only reads what they would be checked against.
type ImportStore interface {
	DecideStore
	// Current reads what decisions are checked against, as of one moment.
	Current(ctx context.Context, ask Ask) (Current, error)
}

// ImportCSV is the use case of taking decisions as CSV from a spreadsheet.
type ImportCSV struct {
	managedTenants ManagedTenants
	store          ImportStore
	effects        *settle.Waiter
	now            func() time.Time
}

// NewImportCSV makes the use case.
func NewImportCSV(managedTenants ManagedTenants, store ImportStore, effects Effects, now func() time.Time) *ImportCSV {
	return &ImportCSV{managedTenants: managedTenants, store: store, effects: settle.NewWaiter(effects), now: now}
}

// Do reads CSV and confirms its decisions, all or nothing; see Plan for refusals, which
// name lines and columns. Lines that another person decided differently since the export are
// refused as errs.Conflict "stale_version", and only those. A dry run writes nothing and
// reports what each line would do, including the invalid ones; it is refused only where the
// version of all decisions is stale or the text cannot be read.
func (t *ImportCSV) Do(ctx context.Context, actor, text string, dryRun bool, version *int64) (Imported, error) {
	read, err := readCSV(text)
	if err != nil {
		return Imported{}, err
	}
	decisions := make([]Decision, 0, len(read.lines))
	for _, line := range read.lines {
		decisions = append(decisions, line.Decision)
	}
	ask := askFor(decisions, version)
	ask.Ended = true
	tenants, err := t.managedTenants.List(ctx, ask.ManagedTenantIDs)
	if err != nil {
		return Imported{}, err
	}
	byID := tenantsByID(tenants)
	check := func(now Current) ([]Change, []finding) {
		changes, found := examine(decisions, version, byID, now)
		return changes, read.findings(found)
	}
	if dryRun {
		return t.dryRun(ctx, read, ask, check)
	}
	var result Imported
	written, err := t.store.Decide(ctx, actor, t.now(), ask, func(now Current) (Verdict, error) {
		changes, found := check(now)
		result = read.result(changes, found)
		return Verdict{Changes: changes, Refreshes: refreshes(decisions, changes, byID, now)}, read.naming().refusal(found)
	})
	if err != nil {
		return Imported{}, err
	}
	result.Applied, result.Version = true, written.Version
	result.Summary = written.States.countAfter(ctx, t.managedTenants)
	result.Effects = t.effects.Wait(ctx, written.EffectIDs...)
	return result, nil
}

// dryRun reports what an import would do.
func (t *ImportCSV) dryRun(ctx context.Context, read csvFile, ask Ask, check func(Current) ([]Change, []finding)) (Imported, error) {
	now, err := t.store.Current(ctx, ask)
	if err != nil {
		return Imported{}, err
	}
	changes, found := check(now)
	if slices.ContainsFunc(found, func(f finding) bool { return f.at == allDecisions }) {
		old := slices.DeleteFunc(slices.Clone(found), func(f finding) bool { return f.severity != stale })
		return Imported{}, read.naming().refusal(old)
	}
	result := read.result(changes, found)
	result.DryRun, result.Version = true, now.Version
	for _, change := range changes {
		now.States[change.Tenant.ID] = change.State
	}
	result.Summary = now.States.countAfter(ctx, t.managedTenants)
	return result, nil
}

// findings are those of the check and those of the text: a line that cannot be
// read has one alone.
func (c csvFile) findings(checked []finding) []finding {
	found := slices.DeleteFunc(checked, func(f finding) bool { return f.at != allDecisions && c.lines[f.at].Problem != "" })
	for i, line := range c.lines {
		if line.Problem != "" {
			found = append(found, finding{severity: malformed, at: i, field: columnCSV, message: line.Problem})
		}
	}
	slices.SortStableFunc(found, func(a, b finding) int { return a.at - b.at })
	return found
}

// csvFields are the columns of a decision's fields.
var csvFields = map[string]string{
	"managedTenantId": columnManagedTenant, "clientId": columnClient, "clientExternalId": columnClientExternalID,
	"decision": columnDecision, "revision": columnRevision, columnCSV: columnCSV,
}

// naming names decisions by line and their fields by column.
func (c csvFile) naming() naming {
	name := func(at int) string { return fmt.Sprintf("line %d", c.lines[at].Number) }
	return naming{decision: name, field: func(at int, field string) string {
		return fmt.Sprintf("csv.line[%d].%s", c.lines[at].Number, csvFields[field])
	}}
}

// result reports what each line does.
func (c csvFile) result(changes []Change, found []finding) Imported {
	changed := make(map[string]Change, len(changes))
	for _, change := range changes {
		changed[change.Tenant.ID] = change
	}
	problems := make(map[int][]RecordViolation, len(found))
	wrong := make(map[int]bool, len(found))
	for _, f := range found {
		if f.at != allDecisions {
			wrong[f.at] = wrong[f.at] || f.severity != stale
			problems[f.at] = append(problems[f.at], RecordViolation{
				Field: csvFields[f.field], Message: c.naming().violation(f).Message,
			})
		}
	}
	result := Imported{Undecided: c.undecided, Lines: make([]ImportedLine, 0, len(c.lines))}
	for i, line := range c.lines {
		change, changes := changed[line.Decision.ManagedTenantID]
		out := ImportedLine{
			Number: line.Number, ManagedTenantID: line.Decision.ManagedTenantID, Decision: line.Decision.Kind,
			ClientID: line.Decision.ClientID, Violations: problems[i],
		}
		switch {
		case wrong[i]:
			out.Outcome = LineInvalid
			result.Invalid++
		case len(out.Violations) > 0:
			out.Outcome = LineConflict
			result.Conflicts++
		case changes:
			out.Outcome, out.ClientID = LineChanged, change.ClientID
			result.Changed++
		default:
			out.Outcome = LineUnchanged
			result.Unchanged++
		}
		result.Lines = append(result.Lines, out)
	}
	return result
}
