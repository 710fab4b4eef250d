package acceptance

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/hostclient"
	"github.com/entrasync/entrasync/deploy/local/stack"
)

const peoplePermission = "personal_data.manage"

// everywhere are the tables of all services in which one of the texts stands, in any case.
func (w *world) everywhere(t testing.TB, texts ...string) (found []string) {
	t.Helper()
	db := w.database(t)
	rows, err := db.Query(t.Context(), `SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
		WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND schemaname NOT LIKE 'pg_temp%' ORDER BY 1`)
	require.NoError(t, err)
	var tables []string
	for rows.Next() {
		var table string
		require.NoError(t, rows.Scan(&table))
		tables = append(tables, table)
	}
	require.NoError(t, rows.Err())
	require.Greater(t, len(tables), 40)
	for _, table := range tables {
		// A row is turned into text once, whatever is looked for: that takes longer than to look.
		rows, err := db.Query(t.Context(), `WITH lines AS MATERIALIZED (SELECT lower(t::text) AS line FROM `+table+` t)
			SELECT text, count(*) FROM lines, unnest($1::text[]) AS text WHERE strpos(line, lower(text)) > 0 GROUP BY text`, texts)
		require.NoError(t, err)
		var text string
		var n int
		_, err = pgx.ForEachRow(rows, []any{&text, &n}, func() error {
			found = append(found, fmt.Sprintf("%s: %q in %d rows", table, text, n))
			return nil
		})
		require.NoError(t, err)
	}
	return found
}

type exported struct {
	Contacts   []struct{ ID, FullName string }
	Identities []struct{ EntraObjectID, UserPrincipalName string }
	Records    []struct{ Source string }
	Digest     string
}

type erased struct {
	Erasure struct {
		State  string
		Erased []struct {
			Source string
			Count  int
		}
	}
}

// erase exports a person and erases whom the export shows.
func erase(t testing.TB, c *hostclient.Client, subject map[string]any) (exported, erased) {
	t.Helper()
	var shown exported
	require.NoError(t, c.Do(t.Context(), "POST", "/api/people/export", map[string]any{"subject": subject}, &shown))
	var done erased
	require.NoError(t, c.Do(t.Context(), "POST", "/api/people/erase", map[string]any{"subject": subject, "digest": shown.Digest, "reference": "R-7"}, &done))
	require.Equal(t, "done", done.Erasure.State)
	return shown, done
}

// TestAPersonWhoAskedForItIsErasedEverywhere erases somebody with a contact and somebody in the
// queue, and searches all tables of all services, before and after, and after the next sync.
func TestAPersonWhoAskedForItIsErasedEverywhere(t *testing.T) {
	t.Parallel()
	w := start(t, stack.Options{})
	c := w.mapped(t, "forgetful")
	operator := w.person(t, "forgetful", "internal", read, update, peoplePermission)
	require.Equal(t, "completed", strings.Replace(sync(t, c, "initial").Run.State, "partial", "completed", 1))

	contacts, err := c.Contacts(t.Context(), nil)
	require.NoError(t, err)
	named := map[string]int{}
	for _, contact := range contacts {
		named[contact.FullName]++
	}
	var subject *hostclient.Contact
	for i, contact := range contacts {
		if contact.EntraObjectID != nil && contact.Email != "" && named[contact.FullName] == 1 && len(contact.FullName) > 8 &&
			len(w.everywhere(t, contact.Email)) > 0 && text(contact.LinkStatus) == "active" {
			subject = &contacts[i]
			break
		}
	}
	require.NotNil(t, subject)
	before := strings.Join(w.everywhere(t, subject.Email, *subject.EntraObjectID), "\n")
	require.Contains(t, before, "syncengine.contacts:")
	require.Contains(t, before, "syncengine.entra_contact_links:")

	// Without the permission nobody hears of people, let alone erases them.
	ask := map[string]any{"subject": map[string]any{"contactId": subject.ID}}
	res, err := c.Send(t.Context(), "POST", "/api/people/export", ask)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusForbidden, res.StatusCode)

	shown, done := erase(t, operator, map[string]any{"contactId": subject.ID})
	require.Len(t, shown.Contacts, 1)
	require.Equal(t, subject.FullName, shown.Contacts[0].FullName)
	require.NotEmpty(t, done.Erasure.Erased)
	names := []string{subject.Email, subject.FullName, *subject.EntraObjectID}
	if upn := text(subject.EntraUPN); upn != "" {
		names = append(names, upn)
	}
	require.Empty(t, w.everywhere(t, names...))

	// Somebody about whom a person was to decide, for each reason; whoever shares an address with others
	// names nobody by it. The list is in the order in which rounds ended, which is another one each time.
	for _, reason := range []string{"alias_match", "multiple_email_matches"} {
		items, err := c.Queue(t.Context(), url.Values{"status": {"open"}, "reason": {reason}})
		require.NoError(t, err)
		require.NotEmpty(t, items, reason)
		item := slices.MinFunc(items, func(a, b hostclient.QueueItem) int { return strings.Compare(a.EntraObjectID, b.EntraObjectID) })
		require.Contains(t, strings.Join(w.everywhere(t, item.EntraObjectID), "\n"), "reconciliation.entra_contact_reconciliation_queue:")
		erase(t, operator, map[string]any{"entraObjectId": item.EntraObjectID})
		names = append(names, item.EntraObjectID, item.UserPrincipalName)
		require.Empty(t, w.everywhere(t, names...), reason)
	}

	sync(t, c, "all-tenants")
	require.Empty(t, w.everywhere(t, names...), "the next sync makes nobody again")
	left, err := c.Contacts(t.Context(), url.Values{"q": {subject.Email}})
	require.NoError(t, err)
	require.Empty(t, left)

	// The feed tells the host, by the id alone; the trail tells who did it.
	told, types := false, map[string]int{}
	for cursor := ""; ; {
		var page struct {
			Changes []struct {
				Type    string
				Contact struct{ ID, FullName string }
			}
			NextCursor string
		}
		require.NoError(t, c.Do(t.Context(), "GET", "/api/contacts/changes?pageSize=200&cursor="+url.QueryEscape(cursor), nil, &page))
		for _, change := range page.Changes {
			types[change.Type]++
			if change.Contact.ID == subject.ID {
				require.Empty(t, change.Contact.FullName)
				told = told || change.Type == "contact.erased"
			}
		}
		if len(page.Changes) == 0 {
			break
		}
		cursor = page.NextCursor
	}
	require.True(t, told)
	require.Positive(t, types["client.created"], types)
	require.Positive(t, types["reconciliation.item.opened"], types)
	var trail struct {
		Events []struct{ Action, Outcome string }
	}
	require.NoError(t, operator.Do(t.Context(), "GET", "/api/audit?pageSize=50", nil, &trail))
	require.Contains(t, trail.Events, struct{ Action, Outcome string }{"entrasync.syncengine.v1.PersonService/ErasePerson", "ok"})
}
