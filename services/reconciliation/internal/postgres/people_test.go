package postgres_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/reconciliation/internal/reconciliation"
)

// standsIn are the tables in which a text stands anywhere.
func (b *bundle) standsIn(text string) (tables []string) {
	rows, err := b.db.Admin.Query(b.ctx, `SELECT tablename FROM pg_tables WHERE schemaname = 'reconciliation' ORDER BY 1`)
	require.NoError(b.t, err)
	var all []string
	for rows.Next() {
		var table string
		require.NoError(b.t, rows.Scan(&table))
		all = append(all, table)
	}
	require.NoError(b.t, rows.Err())
	for _, table := range all {
		var n int
		require.NoError(b.t, b.db.Admin.QueryRow(b.ctx, `SELECT count(*) FROM `+table+` t WHERE strpos(lower(t::text), lower($1)) > 0`, text).Scan(&n))
		if n > 0 {
			tables = append(tables, table)
		}
	}
	return tables
}

// TestAPersonIsErasedFromTheQueue erases one of two identities, who is a candidate of the other.
func TestAPersonIsErasedFromTheQueue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	export, erase := reconciliation.NewExportPerson(b.store), reconciliation.NewErasePerson(b.store)
	other := sighting("object-2", "f")
	other.Candidates[1].LinkedTo = "object-1"
	b.pushed("0196f000-0000-7000-8000-000000000001", sighting("object-1", "f"), other)
	b.decide("object-1", reconciliation.Dismissed)
	person := reconciliation.Person{ContactIDs: []string{"c1"}, ObjectIDs: []string{"object-1"}, Texts: []string{"object-1", "object-1@example.com"}}

	records, err := export.Do(b.ctx, person)
	require.NoError(t, err)
	shown := map[string]int{}
	for _, record := range records {
		shown[record.Table]++
		require.True(t, json.Valid(record.JSON))
	}
	require.Equal(t, map[string]int{"entra_contact_reconciliation_queue": 1, "candidates": 3}, shown)

	foreign, err := erase.Do(as(t.Context(), "msp-2"), person)
	require.NoError(t, err)
	require.Empty(t, foreign)
	require.NotEmpty(t, b.standsIn("object-1"))

	erased, err := erase.Do(b.ctx, person)
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"entra_contact_reconciliation_queue": 1, "candidates": 1}, erased)
	require.Empty(t, b.standsIn("object-1"))
	left := b.items("")
	require.Len(t, left, 1)
	require.Empty(t, left[0].Candidates, "both named the person")
	again, err := erase.Do(b.ctx, person)
	require.NoError(t, err)
	require.Empty(t, again)
}

// TestTheFeedHearsOfItems opens, decides and closes items.
func TestTheFeedHearsOfItems(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.feed("ENABLE")
	told := func() (lines []string) {
		rows, err := b.db.Admin.Query(b.ctx, `SELECT arguments->>'entries' FROM outbox WHERE kind = 'items_changed' ORDER BY number`)
		require.NoError(t, err)
		for rows.Next() {
			var text string
			require.NoError(t, rows.Scan(&text))
			var entries []struct {
				Type, Source, ClientID string
				Item                   struct{ ID, ManagedTenantID, Reason, Status string }
			}
			require.NoError(t, json.Unmarshal([]byte(text), &entries))
			for _, e := range entries {
				require.NotEmpty(t, e.Item.ID)
				lines = append(lines, strings.Join([]string{e.Type, e.Source, e.ClientID, e.Item.ManagedTenantID, e.Item.Reason, e.Item.Status}, " "))
			}
		}
		require.NoError(t, rows.Err())
		_, err = b.db.Admin.Exec(b.ctx, `DELETE FROM outbox`)
		require.NoError(t, err)
		return lines
	}
	run := "0196f000-0000-7000-8000-000000000001"
	b.pushed(run, sighting("a", "f"), sighting("b", "f"))
	require.Equal(t, []string{
		"reconciliation.item.opened sync client-1 mt-1 multiple_email_matches open",
		"reconciliation.item.opened sync client-1 mt-1 multiple_email_matches open",
	}, told())
	b.pushed(run, sighting("a", "f"), sighting("b", "g"))
	require.Empty(t, told(), "a new sighting is no news")
	b.decide("a", reconciliation.Dismissed)
	require.Equal(t, []string{"reconciliation.item.dismissed person client-1 mt-1 multiple_email_matches dismissed"}, told())
	require.Empty(t, b.standsIn("a@example.com@"), "nothing of a person is in an effect")
}
