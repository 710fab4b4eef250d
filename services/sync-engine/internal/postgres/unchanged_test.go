package postgres_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// statements does a round of a run that was begun and names the statements that it
// sends, but for those that begin and end transactions.
func (e *engine) statements(run syncengine.Run) (names []string) {
	e.t.Helper()
	id := trace.TraceID(uuid.New())
	ctx := trace.ContextWithSpanContext(e.ctx(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: id, SpanID: trace.SpanID{1}, TraceFlags: trace.FlagsSampled,
	}))
	_, err := e.sync.Do(ctx, run.ID, managed, func(syncengine.Progress) error { return nil })
	require.NoError(e.t, err)
	for _, span := range spans.Ended() {
		name, sql := strings.CutPrefix(span.Name(), "sql ")
		if sql && span.SpanContext().TraceID() == id && name != "BEGIN" && name != "COMMIT" {
			names = append(names, name)
		}
	}
	return names
}

// mixed are people of each kind, nobody of whom waits for a person.
func mixed() []syncengine.User {
	off := person("o-off", "Off", "off@corp.example")
	off.AccountEnabled = ptr(false)
	return []syncengine.User{
		person("o-1", "One", "one@corp.example"), person("o-2", "Two", "two@corp.example"), off, person("o-svc", "svc-scan", ""),
		person("o-long", strings.Repeat("n", 300), "long@corp.example"),
	}
}

// TestARoundWithoutChangesIsNotCounted has rounds follow in which nothing changes: they
// make no table, send a bounded number of statements whatever the directory's size, and
// come to what a round comes to that counts.
func TestARoundWithoutChangesIsNotCounted(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = append(mixed(), people(40)...)
	e.round()
	e.round() // its session has the first one's tables
	relations := e.rows(`SELECT oid, relname FROM pg_class ORDER BY oid`)
	var last []string
	for range 3 {
		run := e.started(syncengine.TypeAllTenants, false)
		last = e.statements(run)
		require.LessOrEqual(t, len(last), 12, last)
		got := e.finished(run.ID)
		require.Equal(t, syncengine.Counters{Unchanged: 42, Filtered: 2, Failed: 1}, got.Counters)
		require.Equal(t, map[string]int{"account_disabled": 1, "service_account": 1}, got.Filtered)
		require.Equal(t, []syncengine.Failure{{ObjectID: "o-long", Reason: "name_too_long"}}, got.Failures)
		require.Equal(t, syncengine.StatePartial, got.State)
		report, err := e.report.Do(e.ctx(), syncengine.IdentityPage{RunID: run.ID, Size: 10})
		require.NoError(t, err)
		require.Len(t, report.Identities, 3)
	}
	require.Equal(t, relations, e.rows(`SELECT oid, relname FROM pg_class ORDER BY oid`), "no relation is made")
	require.NotEmpty(t, e.dir.asked[len(e.dir.asked)-1])

	e.exec(`UPDATE directories SET standing = NULL`) // the next round counts
	require.Equal(t, syncengine.Counters{Unchanged: 42, Filtered: 2, Failed: 1}, e.round().Counters)
	e.dir.users[0].DisplayName = "Uno"
	require.Equal(t, syncengine.Counters{Unchanged: 42, Filtered: 2, Failed: 1}, e.round().Counters)
	require.Equal(t, syncengine.Counters{Unchanged: 42, Filtered: 2, Failed: 1}, e.round().Counters)
}

// TestWhoWasLinkedIsReadAgainForFieldRulesAlone: a first round that links most of a
// customer's contacts is followed by rounds that ask for what changed, whatever the host
// writes.
func TestWhoWasLinkedIsReadAgainForFieldRulesAlone(t *testing.T) {
	t.Parallel()
	e := setup(t)
	records := make([]syncengine.ContactRecord, 2001)
	for i := range records {
		email := fmt.Sprintf("p%d@corp.example", i)
		records[i] = syncengine.ContactRecord{ExternalID: ptr(fmt.Sprint("h-", i)), ClientID: ptr(client), FullName: "Somebody", Email: &email}
		e.dir.users = append(e.dir.users, person(fmt.Sprint("o-", i), "Somebody", email))
	}
	e.host(records...)
	require.Equal(t, syncengine.Counters{Linked: len(records)}, e.round().Counters)
	e.host(syncengine.ContactRecord{ExternalID: ptr("h-7"), FullName: "By the host"})
	require.Equal(t, syncengine.Counters{Unchanged: len(records)}, e.round().Counters)
	require.NotEmpty(t, e.dir.asked[1], "nobody needs a listing of everybody")
	require.Equal(t, []string{"o-7"}, e.dir.read)
}

// TestADeltaRoundSeesWhatTheHostChanged: Microsoft names nobody, and yet the contacts of
// linked people are not what they were.
func TestADeltaRoundSeesWhatTheHostChanged(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.setting("field_display_name", true)
	e.dir.users = people(40)
	e.round()
	e.round()
	require.Empty(t, e.dir.read)
	id := e.rows(`SELECT id::text FROM contacts WHERE entra_object_id = $1`, e.dir.users[3].ObjectID)[0]
	gone := e.rows(`SELECT id::text FROM contacts WHERE entra_object_id = $1`, e.dir.users[5].ObjectID)[0]
	results := e.host(
		syncengine.ContactRecord{ID: &id, ExternalID: ptr("h-3"), FullName: "By the host"},
		syncengine.ContactRecord{ID: &gone, ExternalID: ptr("h-5"), FullName: "Gone", Deleted: ptr(true)},
		syncengine.ContactRecord{ExternalID: ptr("h-x"), ClientID: ptr(client), FullName: "Nobody's", Email: ptr("x@corp.example")},
	)
	for _, r := range results {
		require.Empty(t, r.Violations)
	}
	got := e.round()
	require.ElementsMatch(t, []string{e.dir.users[3].ObjectID, e.dir.users[5].ObjectID}, e.dir.read, "those alone are read")
	require.Equal(t, 1, got.Counters.Updated)
	require.Equal(t, []string{e.dir.users[3].DisplayName}, e.rows(`SELECT full_name FROM contacts WHERE id = $1`, id))
	require.NotEmpty(t, e.dir.asked[len(e.dir.asked)-1], "nobody else is listed")
	e.dir.read = nil
	e.round()
	require.Empty(t, e.dir.read, "it is seen once")
}
