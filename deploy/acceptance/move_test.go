package acceptance

import (
	"encoding/csv"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/hostclient"
	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

const mappings = "/api/integrations/entra/mappings"

// decided is what the routes that change one mapping answer.
type decided struct {
	Effects string
	Mapping struct{ State string }

	Relinking, Left int
	RunID           string
}

// moved is an MSP that has synced, one of its mapped directories and a client without one.
type moved struct {
	*hostclient.Client
	t                                    *testing.T
	w                                    *world
	tenant, managed, directory, from, to string
}

func (w *world) moved(t *testing.T, tenant string) moved {
	t.Helper()
	c := w.mapped(t, tenant)
	require.Equal(t, "completed", sync(t, c, "initial").Run.State)
	_, err := hostclient.Upsert(t.Context(), c, "/api/clients:batch", "clients", []map[string]any{{"externalId": "C-moved", "name": "Quite Another"}})
	require.NoError(t, err)
	preview, err := c.Preview(t.Context())
	require.NoError(t, err)
	at := slices.IndexFunc(preview.AutoMatched, func(r hostclient.PreviewRow) bool { return r.State == "mapped" })
	require.GreaterOrEqual(t, at, 0)
	row := preview.AutoMatched[at]
	m := moved{Client: c, t: t, w: w, tenant: tenant, managed: row.ManagedTenantID, directory: row.EntraTenantID, from: row.Match.ClientID}
	for id, external := range clientsByID(t, c) {
		if external == "C-moved" {
			m.to = id
		}
	}
	return m
}

// do decides something about the directory, and has what that causes done.
func (m moved) do(path string, body map[string]any) decided {
	m.t.Helper()
	var out decided
	require.NoError(m.t, m.Do(m.t.Context(), "POST", mappings+path, body, &out))
	if out.Effects == "pending" {
		m.settle(&out)
	}
	require.Equal(m.t, "settled", out.Effects)
	return out
}

// settle waits, on a machine that is too busy, longer than an answer does, and looks up what that would
// have said. The interface shows neither.
func (m moved) settle(out *decided) {
	m.t.Helper()
	db := m.w.database(m.t)
	require.Eventually(m.t, func() bool {
		var open int
		err := db.QueryRow(m.t.Context(), `SELECT count(*) FROM mapping.outbox WHERE tenant_id = $1 AND done_at IS NULL`, m.tenant).Scan(&open)
		return err == nil && open == 0
	}, time.Minute, 20*time.Millisecond)
	var outcome string
	require.NoError(m.t, db.QueryRow(m.t.Context(), `SELECT outcome, COALESCE(result->>'run_id', ''),
		COALESCE(result->>'relinking', '0')::int, COALESCE(result->>'left', '0')::int
		FROM mapping.outbox WHERE tenant_id = $1 AND kind IN ('mapping_revised', 'orphans_decided') ORDER BY number DESC LIMIT 1`, m.tenant).Scan(&outcome, &out.RunID, &out.Relinking, &out.Left))
	require.Equal(m.t, "done", outcome)
	out.Effects = "settled"
}

// contactsOf are a client's contacts by the object id of this directory that they show.
func (m moved) contactsOf(client string) map[string]hostclient.Contact {
	m.t.Helper()
	all, err := m.Contacts(m.t.Context(), url.Values{"clientId": {client}})
	require.NoError(m.t, err)
	found := map[string]hostclient.Contact{}
	for _, contact := range all {
		if text(contact.EntraTenantID) == m.directory {
			found[text(contact.EntraObjectID)] = contact
		}
	}
	return found
}

// orphans is how many links wait for a person, as the list of mappings says.
func (m moved) orphans() int {
	m.t.Helper()
	var out struct {
		Mappings []struct{ OrphanedLinks int }
	}
	require.NoError(m.t, m.Do(m.t.Context(), "GET", mappings+"?orphans=true&managedTenantId="+m.managed, nil, &out))
	sum := 0
	for _, mapping := range out.Mappings {
		sum += mapping.OrphanedLinks
	}
	return sum
}

// result is what a sync of all tenants says of the directory; ok is false when it was not synced.
func (m moved) result() (result hostclient.TenantResult, ok bool) {
	m.t.Helper()
	detail := sync(m.t, m.Client, "all-tenants")
	require.Equal(m.t, "completed", detail.Run.State, "%+v", detail)
	at := slices.IndexFunc(detail.TenantResults, func(r hostclient.TenantResult) bool { return r.ManagedTenantID == m.managed })
	if at < 0 {
		return hostclient.TenantResult{}, false
	}
	return detail.TenantResults[at], true
}

// TestADirectoryMovesToAnotherClient remaps a directory that was synced, and back, unmaps it, and
// decides what becomes of its links.
func TestADirectoryMovesToAnotherClient(t *testing.T) {
	t.Parallel()
	w := share(t, fleet.Tiny)
	m := w.moved(t, "moves")
	before := m.contactsOf(m.from)
	require.NotEmpty(t, before)

	t.Run("there and back changes nothing", func(t *testing.T) {
		want := rows(t, m.Client)
		m.do("/remap", map[string]any{"managedTenantId": m.managed, "targetClientId": m.to})
		require.Equal(t, len(before), m.orphans())
		for object, contact := range m.contactsOf(m.from) {
			require.Equal(t, "orphaned", text(contact.LinkStatus))
			require.Equal(t, before[object].Inactive, contact.Inactive)
		}
		m.do("/remap", map[string]any{"managedTenantId": m.managed, "targetClientId": m.from})
		require.Zero(t, m.orphans())
		require.Equal(t, want, rows(t, m.Client))
	})
	t.Run("an orphaned link neither matches nor goes", func(t *testing.T) {
		m.do("/remap", map[string]any{"managedTenantId": m.managed, "targetClientId": m.to})
		result, ok := m.result()
		require.True(t, ok)
		require.Equal(t, m.to, result.ClientID)
		require.Zero(t, result.Counters.Created)
		require.Zero(t, result.Counters.Inactivated)
		require.Empty(t, m.contactsOf(m.to))
		require.Equal(t, len(before), m.orphans())
	})
	t.Run("relink takes the links along", func(t *testing.T) {
		done := m.do("/"+m.managed+"/orphans", map[string]any{"decision": "relink"})
		require.Equal(t, len(before), done.Relinking)
		require.Zero(t, m.orphans())
		synced, err := m.WaitRun(t.Context(), done.RunID, nil)
		require.NoError(t, err)
		require.Equal(t, "completed", synced.Run.State)
		counters := synced.TenantResults[0].Counters
		now := m.contactsOf(m.to)
		require.Len(t, now, counters.Created+counters.Linked)
		require.NotEmpty(t, now)
		for object, contact := range now {
			require.Equal(t, "active", text(contact.LinkStatus))
			require.NotEqual(t, before[object].ID, contact.ID)
			require.True(t, strings.EqualFold(before[object].Email, contact.Email))
		}
		result, _ := m.result()
		require.Zero(t, result.Counters.Created)
		require.Equal(t, len(now), result.Counters.Unchanged)
	})
	t.Run("unmap, and leave", func(t *testing.T) {
		links := len(m.contactsOf(m.to))
		m.do("/unmap", map[string]any{"managedTenantId": m.managed})
		require.Equal(t, links, m.orphans())
		p := problemOf(t, m.Do(t.Context(), "POST", mappings+"/unmap", map[string]any{"managedTenantId": m.managed}, nil))
		require.Equal(t, 404, p.Status)
		require.Equal(t, "not_mapped", p.Code)
		_, ok := m.result()
		require.False(t, ok, "an unmapped directory is not synced")
		done := m.do("/"+m.managed+"/orphans", map[string]any{"decision": "leave"})
		require.Equal(t, links, done.Left)
		require.Zero(t, m.orphans())
		p = problemOf(t, m.Do(t.Context(), "POST", mappings+"/"+m.managed+"/orphans", map[string]any{"decision": "leave"}, nil))
		require.Equal(t, 404, p.Status)
		require.Equal(t, "no_orphans", p.Code)
	})
	t.Run("what was left is new to the next client", func(t *testing.T) {
		m.do("/remap", map[string]any{"managedTenantId": m.managed, "targetClientId": m.from})
		result, ok := m.result()
		require.True(t, ok)
		require.Equal(t, len(before), result.Counters.Linked+result.Counters.Created+result.Counters.Ambiguous, "%+v", result.Counters)
		require.Positive(t, result.Counters.Linked, "the old contacts are still there, and are found by their addresses")
	})
}

// TestMappingsTravelAsCSV decides in a spreadsheet.
func TestMappingsTravelAsCSV(t *testing.T) {
	t.Parallel()
	w := share(t, fleet.Tiny)
	m := w.moved(t, "tables")
	token, err := hostclient.Token(t.Context(), w.urls.Identity, "tables", "somebody", "internal", read, update)
	require.NoError(t, err)
	send := func(method, path, body string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, w.urls.Gateway+mappings+path, strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Accept", "text/csv, application/json;q=0.5")
		req.Header.Set("Content-Type", "text/csv")
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		return res.StatusCode, string(text)
	}
	status, text := send("GET", "/export", "")
	require.Equal(t, 200, status, text)
	const byteOrderMark = "\ufeff" // by which a spreadsheet knows the encoding
	text, marked := strings.CutPrefix(text, byteOrderMark)
	require.True(t, marked)
	records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	require.NoError(t, err)
	managed, err := m.ManagedTenants(t.Context())
	require.NoError(t, err)
	require.Len(t, records, 1+len(managed))
	id, decision := slices.Index(records[0], "managed_tenant_id"), slices.Index(records[0], "decision")
	require.GreaterOrEqual(t, id, 0)
	require.GreaterOrEqual(t, decision, 0)
	for _, record := range records[1:] {
		if record[id] == m.managed {
			record[decision] = "skip"
		}
	}
	var edited strings.Builder
	edited.WriteString(byteOrderMark) // spreadsheets keep it
	require.NoError(t, csv.NewWriter(&edited).WriteAll(records))

	stateOf := func() (states []string) {
		var out struct{ Mappings []struct{ State string } }
		require.NoError(t, m.Do(t.Context(), "GET", mappings+"?managedTenantId="+m.managed, nil, &out))
		for _, mapping := range out.Mappings {
			states = append(states, mapping.State)
		}
		return states
	}
	status, answer := send("POST", "/import", edited.String())
	require.Equal(t, 200, status, answer)
	require.Equal(t, []string{"mapped"}, stateOf(), "a dry run unless told otherwise")
	status, answer = send("POST", "/import?dryRun=false", strings.Replace(edited.String(), "skip", "perhaps", 1))
	require.Equal(t, 400, status, answer)
	require.Contains(t, answer, "decision")
	require.Equal(t, []string{"mapped"}, stateOf(), "nothing is written when a line is wrong")
	status, answer = send("POST", "/import?dryRun=false", edited.String())
	require.Equal(t, 200, status, answer)
	require.Equal(t, []string{"skip_for_now"}, stateOf())
}
