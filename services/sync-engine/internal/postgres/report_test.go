package postgres_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// identities reads the whole report of a run, in pages of three.
func (e *engine) identities(runID string, filter syncengine.IdentityFilter) (all []syncengine.RunIdentity) {
	e.t.Helper()
	return e.pages(syncengine.IdentityPage{RunID: runID, Filter: filter, Size: 3})
}

// wholeReport reads it at once, for histories, which have few people.
func (e *engine) wholeReport(runID string) []syncengine.RunIdentity {
	e.t.Helper()
	return e.pages(syncengine.IdentityPage{RunID: runID, Size: 200})
}

func (e *engine) pages(page syncengine.IdentityPage) (all []syncengine.RunIdentity) {
	e.t.Helper()
	for {
		found, err := e.report.Do(e.ctx(), page)
		require.NoError(e.t, err)
		all = append(all, found.Identities...)
		if page.After = found.Next; page.After == nil {
			return all
		}
	}
}

// reported is a report as lines, without those who are unchanged and without the
// ids of contacts that a dry run would make.
func (e *engine) reported(runID string) []string {
	e.t.Helper()
	all := e.identities(runID, syncengine.IdentityFilter{})
	shown := all[:0:0]
	for _, i := range all {
		if i.Outcome == "created" {
			i.ContactID = ""
		}
		if i.Place.ObjectID == "" {
			i.Place.Number = 0
		}
		shown = append(shown, i)
	}
	return linesOf(shown)
}

// linesOf writes identities as sorted lines, without those that are unchanged.
func linesOf(identities []syncengine.RunIdentity) (lines []string) {
	for _, i := range identities {
		if i.Outcome != "unchanged" {
			lines = append(lines, fmt.Sprintf("%+v", i))
		}
	}
	slices.Sort(lines)
	return lines
}

// TestAReportNamesNoneOfSeveralContacts: which one it would be is what a person decides.
func TestAReportNamesNoneOfSeveralContacts(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.host(
		syncengine.ContactRecord{ExternalID: ptr("c-1"), ClientID: ptr(client), FullName: "Ann", Email: ptr("ann@corp.example")},
		syncengine.ContactRecord{ExternalID: ptr("c-2"), ClientID: ptr(client), FullName: "Ann again", Email: ptr("ANN@corp.example")},
		syncengine.ContactRecord{ExternalID: ptr("c-3"), ClientID: ptr(client), FullName: "Bob", Email: ptr("bob@corp.example")},
	)
	alias := person("o-bob", "Robert", "robert@corp.example")
	alias.ProxyAddresses = []string{"smtp:bob@corp.example"}
	e.dir.users = []syncengine.User{person("o-ann", "Ann Lee", "ann@corp.example"), alias}
	named := map[string]bool{}
	for _, i := range e.identities(e.round().RunID, syncengine.IdentityFilter{}) {
		named[i.Reason] = i.ContactID != ""
	}
	require.Equal(t, map[string]bool{"multiple_email_matches": false, "alias_match": true}, named)
}

// TestAPreflightIsWhatTheRunComesTo: for random directories, contacts and settings
// the dry run's counters and report are those of the run that follows, and the
// report has as many of each outcome as the counters say.
func TestAPreflightIsWhatTheRunComesTo(t *testing.T) {
	t.Parallel()
	e := setup(t)
	address := rapid.SampledFrom([]string{"a@c.de", "b@c.de", "c@c.de", "d@c.de", "e@c.de", "f@c.de"})
	histories(t, ofOrdinary, func(rt *rapid.T) {
		e.forget()
		e.setting("custom_patterns", []string{"^temp"})
		for _, rule := range []string{"field_display_name", "field_email", "field_role", "field_upn", "mark_inactive_when_disabled"} {
			e.setting(rule, rapid.Bool().Draw(rt, rule))
		}
		for i, mail := range rapid.SliceOfN(address, 0, 5).Draw(rt, "contacts") {
			inactive := rapid.Bool().Draw(rt, "inactive")
			e.host(syncengine.ContactRecord{ExternalID: ptr(fmt.Sprint(i)), ClientID: ptr(client), FullName: "Ann", Email: &mail, Inactive: &inactive})
		}
		for range 3 {
			users := []syncengine.User{person("o-sure", "Sure", "sure@c.de")}
			for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(0, 9), 0, 7, rapid.ID[int]).Draw(rt, "ids") {
				u := person(fmt.Sprintf("o-%d", n), rapid.SampledFrom([]string{"Ann", "Bea", "svc-x", "temp one"}).Draw(rt, "name"), "")
				u.AccountEnabled = ptr(rapid.IntRange(0, 3).Draw(rt, "enabled") > 0)
				u.JobTitle = rapid.SampledFrom([]string{"", "Chef"}).Draw(rt, "role")
				if rapid.Bool().Draw(rt, "has mail") {
					u.Mail = address.Draw(rt, "mail")
				}
				if rapid.IntRange(0, 9).Draw(rt, "sound") == 0 {
					u.Defect = rapid.SampledFrom([]string{syncengine.FailureMalformed, syncengine.FailureMissingID}).Draw(rt, "defect")
				}
				for _, alias := range rapid.SliceOfN(address, 0, 2).Draw(rt, "aliases") {
					u.ProxyAddresses = append(u.ProxyAddresses, "smtp:"+alias)
				}
				users = append(users, u)
			}
			e.dir.users, e.dir.pageSize = users, rapid.IntRange(1, 7).Draw(rt, "page")
			e.queue.decided = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"o-1", "o-4"}), 0, 2, rapid.ID[string]).Draw(rt, "decided")
			dry := e.do(syncengine.TypeAllTenants, true)
			run := e.round()
			require.Equal(rt, run.Counters, dry.Counters)
			require.Equal(rt, run.State, dry.State)
			require.Equal(rt, run.Held, dry.Held)
			require.Equal(rt, run.Ambiguous, dry.Ambiguous)
			require.Equal(rt, e.reported(run.RunID), e.reported(dry.RunID))
			counted := map[string]int{}
			for _, i := range e.identities(dry.RunID, syncengine.IdentityFilter{}) {
				counted[i.Outcome]++
			}
			c := dry.Counters
			for outcome, n := range map[string]int{
				"failed": c.Failed, "inactivated": c.Inactivated, "reactivated": c.Reactivated, "filtered": c.Filtered, "ambiguous": c.Ambiguous,
				"created": c.Created, "linked": c.Linked, "updated": c.Updated,
			} {
				require.Equal(rt, n, counted[outcome], outcome)
			}
			require.GreaterOrEqual(rt, c.Unchanged, counted["unchanged"], "a held one counts as unchanged where it was listed")
		}
	})
}

// TestTheReportSaysWhatChanges: before and after, which pattern, and who is held.
func TestTheReportSaysWhatChanges(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.setting("field_role", true)
	e.host(syncengine.ContactRecord{ExternalID: ptr("1"), ClientID: ptr(client), FullName: "Bea", Email: ptr("bea@c.de")})
	ann := person("o-ann", "Ann", "ann@c.de")
	ann.JobTitle = "Chef"
	svc := person("o-svc", "svc-backup", "svc@c.de")
	bad := person("o-bad", "Bad", "bad@c.de")
	bad.Defect = syncengine.FailureMalformed
	e.dir.users = []syncengine.User{ann, person("o-bea", "Bea B.", "bea@c.de"), svc, bad}
	first := e.round()
	require.Equal(t, []string{
		"o-ann created   [{fullName  Ann} {email  ann@c.de} {role  Chef}]", "o-bad failed malformed  []", "o-bea linked   []",
		"o-svc filtered service_account svc… []",
	}, e.brief(first.RunID, syncengine.IdentityFilter{}))

	ann.JobTitle = "Boss"
	e.dir.users = []syncengine.User{ann, person("o-bea", "Bea B.", "bea@c.de")}
	second := e.round()
	require.Equal(t, []string{"o-ann updated   [{role Chef Boss}]"}, e.brief(second.RunID, syncengine.IdentityFilter{}))

	ann.AccountEnabled = ptr(false)
	e.dir.users = []syncengine.User{ann, person("o-new", "New", "new@c.de")}
	dry := e.do(syncengine.TypeAllTenants, true)
	require.Equal(t, syncengine.StateHeld, dry.State)
	require.Equal(t, []string{
		"o-ann held disabled_upstream  [{inactive false true}]", "o-bea held deleted_upstream  [{inactive false true}]",
		"o-new created   [{fullName  New} {email  new@c.de}]",
	}, e.brief(dry.RunID, syncengine.IdentityFilter{}))
	require.Zero(t, e.count(`SELECT count(*) FROM held_identities`), "a dry run holds nobody")
	_, _, err := e.decideHeld(dry, syncengine.DecisionApprove, dry.Held.Digest)
	require.Equal(t, "not_held", errs.ReasonOf(err), "nor is there anything to decide")
	require.Equal(t, []string{"o-bea held deleted_upstream  [{inactive false true}]"},
		e.brief(dry.RunID, syncengine.IdentityFilter{Outcome: "held", Reason: "deleted_upstream"}))
	require.Len(t, e.brief(dry.RunID, syncengine.IdentityFilter{Q: "NE"}), 1)
	require.Len(t, e.brief(dry.RunID, syncengine.IdentityFilter{Q: "o-bea@"}), 1, "by the sign-in name too")
	require.Empty(t, e.brief(dry.RunID, syncengine.IdentityFilter{ManagedTenantID: "another"}))

	e.setting("guard_percent", 100)
	gone := e.round()
	require.Equal(t, []string{"o-bea inactivated deleted_upstream  [{inactive false true}]"},
		e.brief(gone.RunID, syncengine.IdentityFilter{Q: "o-bea@"}), "one that is no longer listed has the sign-in name that its contact has")

	_, err = e.report.Do(e.ctx(), syncengine.IdentityPage{RunID: "00000000-0000-4000-8000-000000000000", Size: 1})
	require.Equal(t, errs.NotFound, errs.KindOf(err))
}

// brief is a report as lines, of what a person looks at.
func (e *engine) brief(runID string, filter syncengine.IdentityFilter) (lines []string) {
	for _, i := range e.identities(runID, filter) {
		lines = append(lines, fmt.Sprintln(i.Place.ObjectID, i.Outcome, i.Reason, i.Pattern, i.Changes))
	}
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return lines
}

// TestReportsAreKeptForSomeDays: the identities go with their day, the counts stay.
func TestReportsAreKeptForSomeDays(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = []syncengine.User{person("o-ann", "Ann", "ann@c.de")}
	run := e.round()
	days := e.rows(`SELECT relname FROM pg_class WHERE relname ~ '^entra_run_identities_[0-9_]+$' AND relkind = 'r' ORDER BY relname`)
	require.Len(t, days, 8, "the days to come are there already")
	migrated, err := time.Parse("entra_run_identities_2006_01_02", days[0]) // which the database is a copy of may have been before midnight
	require.NoError(t, err)
	done, err := e.store.KeepReports(t.Context(), 30)
	require.NoError(t, err)
	require.Len(t, done, int(time.Since(migrated).Hours())/24, "%v", done)
	found, err := e.report.Do(e.ctx(), syncengine.IdentityPage{RunID: run.RunID, Size: 10})
	require.NoError(t, err)
	require.True(t, found.Kept)
	require.Len(t, found.Identities, 1)

	e.exec(`SELECT keep_report_days_at(now() + interval '31 days', 30)`)
	e.now = e.now.AddDate(0, 0, 31)
	found, err = e.report.Do(e.ctx(), syncengine.IdentityPage{RunID: run.RunID, Size: 10})
	require.NoError(t, err)
	require.False(t, found.Kept)
	require.Empty(t, found.Identities)
	_, tenants, err := e.show.Do(e.ctx(), run.RunID)
	require.NoError(t, err)
	require.Equal(t, 1, tenants[0].Counters.Created)
}

// idOf is the id of a run that was made at that time.
func idOf(t testing.TB, at time.Time) string {
	t.Helper()
	id, err := uuid.NewV7()
	require.NoError(t, err)
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(at.UnixMilli()))
	copy(id[:6], ms[2:])
	return id.String()
}

// TestAReportOutlivesTheOneThatItRefersTo: a round in which nothing changed shows who is
// kept out for as long as its own run is kept, although they stand in an earlier run's
// report.
func TestAReportOutlivesTheOneThatItRefersTo(t *testing.T) {
	t.Parallel()
	e := setup(t)
	day := func(n int) time.Time { return time.Now().AddDate(0, 0, n) }
	on := func(n int) string {
		e.create = syncengine.NewCreateRun(e.store, e.mapping, func() string { return idOf(t, day(n)) }, e.clock)
		return e.round().RunID
	}
	drop := func(n int) { e.exec(`SELECT keep_report_days_at($1, 30)`, day(n)) }
	filter := syncengine.IdentityFilter{}
	e.dir.users = mixed()
	first := on(0)
	want := e.brief(first, syncengine.IdentityFilter{Outcome: "filtered"})
	want = append(want, e.brief(first, syncengine.IdentityFilter{Outcome: "failed"})...)
	require.Len(t, want, 3)
	later, last := on(3), on(5)
	require.ElementsMatch(t, want, e.brief(later, filter))
	require.Equal(t, 2, e.count(`SELECT count(*) FROM entra_sync_run_tenants WHERE report_run_id = $1`, first), "neither reports by itself")

	drop(31)
	require.Empty(t, e.brief(first, filter))
	require.ElementsMatch(t, want, e.brief(later, filter))
	require.ElementsMatch(t, want, e.brief(last, filter))
	drop(34)
	require.Empty(t, e.brief(later, filter))
	require.ElementsMatch(t, want, e.brief(last, filter))

	// What the directory comes to refers to the first report still.
	next := on(5)
	require.ElementsMatch(t, want, e.brief(next, filter))
	require.Zero(t, e.count(`SELECT count(*) FROM entra_sync_run_tenants WHERE run_id = $1 AND report_run_id IS NOT NULL`, next))
	drop(36)
	require.Empty(t, e.brief(last, filter))
	require.Zero(t, e.count(`SELECT count(*) FROM entra_run_identities`))
}

// TestAReportRefersToThoseWhoAreLeftOutAsBefore: a round that hears of changes writes those that failed or
// are filtered into its report where one of them changed, and refers to the earlier report else.
func TestAReportRefersToThoseWhoAreLeftOutAsBefore(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = mixed()
	one, svc := 0, 3 // of them
	leftOut := func(run string) []string {
		return append(e.brief(run, syncengine.IdentityFilter{Outcome: "filtered"}), e.brief(run, syncengine.IdentityFilter{Outcome: "failed"})...)
	}
	written := func(run string) int {
		return e.count(`SELECT count(*) FROM entra_run_identities WHERE run_id = $1`, run)
	}
	first := e.round()
	before := leftOut(first.RunID)
	require.Len(t, before, 3)

	e.dir.users[one].AccountEnabled = ptr(false)
	passed := e.round()
	require.Equal(t, syncengine.Counters{Unchanged: 1, Inactivated: 1, Filtered: 2, Failed: 1}, passed.Counters)
	require.ElementsMatch(t, append(e.brief(passed.RunID, syncengine.IdentityFilter{Outcome: "inactivated"}), before...), e.brief(passed.RunID, syncengine.IdentityFilter{}))
	require.Equal(t, 1, written(passed.RunID), "the one who changed")

	silent := e.round()
	require.ElementsMatch(t, before, e.brief(silent.RunID, syncengine.IdentityFilter{}))
	require.Zero(t, written(silent.RunID))

	e.dir.users[svc].DisplayName = "noreply print" // filtered as before, by another pattern
	renamed := e.round()
	after := leftOut(renamed.RunID)
	require.Len(t, after, 3)
	require.NotElementsMatch(t, before, after)
	require.Equal(t, 3, written(renamed.RunID))

	e.dir.users[one].AccountEnabled = ptr(true)
	back := e.round()
	require.ElementsMatch(t, after, leftOut(back.RunID))
	require.Equal(t, 1, written(back.RunID))
	require.ElementsMatch(t, before, leftOut(silent.RunID), "a report stays as it was")

	e.dir.users = slices.Delete(e.dir.users, svc, svc+1)
	gone := e.round()
	require.Len(t, leftOut(gone.RunID), 2)
	require.Equal(t, 2, written(gone.RunID))

	e.exec(`DELETE FROM entra_run_identities`)
	e.dir.users[one].AccountEnabled = ptr(false)
	alone := e.round()
	require.Len(t, e.brief(alone.RunID, syncengine.IdentityFilter{}), 3)
	require.Equal(t, 3, written(alone.RunID), "the earlier report is deleted")
}

// TestAReportIsOfThoseWhoAreLeftOutNow: a run that did not come to its end has stored already that somebody
// passes whom the report before has as filtered.
func TestAReportIsOfThoseWhoAreLeftOutNow(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = mixed()
	e.round()
	e.dir.users[3] = person("o-svc", "Sam Scan", "sam@corp.example")
	cut := e.started(syncengine.TypeAllTenants, false)
	_, err := syncengine.NewSyncTenant(e.store, e.dir, e.mapping, unfinished{e.queue}, e.clock).Do(e.ctx(), cut.ID, managed, func(syncengine.Progress) error { return nil })
	require.ErrorIs(t, err, errUnfinished)
	e.finished(cut.ID)
	got := e.round()
	require.Equal(t, syncengine.Counters{Unchanged: 3, Filtered: 1, Failed: 1}, got.Counters)
	require.Empty(t, e.brief(got.RunID, syncengine.IdentityFilter{Reason: "service_account"}))
	require.Len(t, e.brief(got.RunID, syncengine.IdentityFilter{}), 2)
}

// unfinished is a queue that cannot be told of a round's end.
type unfinished struct{ *fakeQueue }

var errUnfinished = errors.New("away")

func (unfinished) CompleteRound(context.Context, syncengine.PushedItems) error {
	return errUnfinished
}

// TestASearchLooksThroughABoundedPartOfAReport: a search goes on through a long report until it found
// somebody. When its time is over it says that there is more to search, and where, and nobody is missed.
func TestASearchLooksThroughABoundedPartOfAReport(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = mixed()
	run := e.round()
	e.exec(`INSERT INTO entra_run_identities (tenant_id, run_id, managed_tenant_id, entra_object_id, outcome, display_name, user_principal_name)
		SELECT $1::text, $2::uuid, $3::text, 'x' || lpad(n::text, 6, '0'), 'created', CASE n WHEN 99999 THEN 'Zora Late' ELSE 'N' END, ''
		FROM generate_series(0, 99999) n`, msp, run.RunID, managed)
	search := func(of *syncengine.ListIdentities, filter syncengine.IdentityFilter) (found, cut []string, first syncengine.Identities) {
		page := syncengine.IdentityPage{RunID: run.RunID, Filter: filter, Size: 50}
		for {
			got, err := of.Do(e.ctx(), page)
			require.NoError(t, err)
			if page.After == nil {
				first = got
			}
			for _, i := range got.Identities {
				found = append(found, i.Place.ObjectID)
			}
			cut = append(cut, fmt.Sprint(got.Cut))
			if page.After = got.Next; page.After == nil {
				return found, cut, first
			}
		}
	}
	// One request comes to her, through two parts that have nobody.
	found, cut, first := search(e.report, syncengine.IdentityFilter{Q: "late"})
	require.Equal(t, []string{"x099999"}, found)
	require.Equal(t, []string{"false"}, cut)
	require.Equal(t, 1, first.Total)
	require.False(t, first.Minimum)
	// A request whose time is over after a part says so.
	now := dawn
	hurried := syncengine.NewListIdentities(e.store, 30, func() time.Time {
		now = now.Add(2 * time.Second)
		return now
	})
	found, cut, first = search(hurried, syncengine.IdentityFilter{Q: "late"})
	require.Equal(t, []string{"x099999"}, found)
	require.Equal(t, []string{"true", "true", "false"}, cut)
	require.Zero(t, first.Total)
	require.True(t, first.Minimum, "nothing was said about the rest")
	found, cut, _ = search(e.report, syncengine.IdentityFilter{Q: "late", ManagedTenantID: "another"})
	require.Empty(t, found)
	require.Equal(t, []string{"false"}, cut)
	found, cut, first = search(e.report, syncengine.IdentityFilter{Q: "nobody at all"})
	require.Empty(t, found)
	require.Equal(t, []string{"false"}, cut, "the whole report was looked through")
	require.Zero(t, first.Total)
	require.False(t, first.Minimum)
	got, err := e.report.Do(e.ctx(), syncengine.IdentityPage{RunID: run.RunID, Size: 50})
	require.NoError(t, err)
	require.Len(t, got.Identities, 50)
	require.Equal(t, 10_000, got.Total)
}

// TestAReportNamesThePatternThatHolds: who was filtered by a pattern before is, by the one that took its place.
func TestAReportNamesThePatternThatHolds(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.setting("custom_patterns", []string{"^scanner"})
	e.dir.users = append(people(2), person("o-scan", "Scanner One", "scan@c.de"))
	e.round()
	e.setting("custom_patterns", []string{"^scan"})
	e.round()
	e.dir.users[0].DisplayName += " Anew"
	last := e.do(syncengine.TypeAllTenants, true)
	require.NotEmpty(t, e.dir.asked[len(e.dir.asked)-1], "a preflight that is told of changes alone")
	filtered := e.identities(last.RunID, syncengine.IdentityFilter{Outcome: "filtered"})
	require.Len(t, filtered, 1)
	require.Equal(t, "^scan", filtered[0].Pattern)
}
