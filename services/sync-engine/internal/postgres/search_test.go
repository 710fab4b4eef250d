package postgres_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// searched are the names that a search finds, read in pages of two.
func (e *engine) searched(q string, filter syncengine.ContactFilter) (names []string) {
	e.t.Helper()
	var after *syncengine.ContactPosition
	for {
		contacts, next, total, err := e.list.Do(e.ctx(), q, syncengine.ContactPage{Filter: filter, After: after, Size: 2})
		require.NoError(e.t, err)
		for i := range contacts {
			names = append(names, contacts[i].FullName)
		}
		if after == nil {
			defer func() { require.Len(e.t, names, total, q) }()
		}
		if after = next; next == nil {
			slices.Sort(names)
			return names
		}
	}
}

// TestASearchFindsAnyWordOfAName looks for words, beginnings of words and of addresses, and
// for what is in the middle of a word, before and after names change.
func TestASearchFindsAnyWordOfAName(t *testing.T) {
	t.Parallel()
	e := setup(t)
	add := func(id, in, name, email string) {
		record := syncengine.ContactRecord{ExternalID: &id, ClientID: &in, FullName: name}
		if email != "" {
			record.Email = &email
		}
		require.Empty(t, e.host(record)[0].Violations)
	}
	long := "Wolfeschlegelsteinhausenbergerdorff " + strings.Repeat("von und zu ", 12) + "Ende"
	add("1", client, "Anna Maria Berg", "anna.berg@corp.example")
	add("2", client, "Bo Annason", "bo@corp.example")
	add("3", other, "Anna Annason Anna", "x1@corp.example")
	add("4", other, "Zoë van der Berg", "zoe@corp.example")
	add("5", other, long, "")
	add("6", client, "Marianna", "mail@corp.example")
	add("7", other, "Udo", "Post@Bücher.example")
	for q, want := range map[string][]string{
		"anna":       {"Anna Annason Anna", "Anna Maria Berg", "Bo Annason"},
		"ANNAS":      {"Anna Annason Anna", "Bo Annason"},
		"berg":       {"Anna Maria Berg", "Zoë van der Berg"},
		"van der b":  {"Zoë van der Berg"},
		"maria berg": {"Anna Maria Berg"},
		"bo":         {"Bo Annason"},
		"zoe@":       {"Zoë van der Berg"},
		// What begins an address may be an address by itself.
		"anna.berg@corp.ex":     {"Anna Maria Berg"},
		"Anna.Berg@Corp.Exampl": {"Anna Maria Berg"},
		"mailto:bo@corp.ex":     {"Bo Annason"},
		"post@bücher.exam":      {"Udo"},
		"mai":                   {"Marianna"},
		"mar":                   {"Anna Maria Berg", "Marianna"},
		"erg":                   nil,
		"%":                     nil,
		"nobody":                nil,
		"von und":               {long},
		"von und zu von und zu von und zu von und zu von und zu von und zu von und zu": {long},
	} {
		require.Equal(t, want, e.searched(q, syncengine.ContactFilter{}), q)
	}
	require.Equal(t, []string{"Anna Maria Berg", "Bo Annason"}, e.searched("anna", syncengine.ContactFilter{ClientID: client}))
	require.Equal(t, []string{"Anna Maria Berg"}, e.searched("anna.berg@corp.ex", syncengine.ContactFilter{ClientID: client}))
	require.Empty(t, e.searched("anna.berg@corp.ex", syncengine.ContactFilter{ClientID: other}))
	require.Empty(t, e.searched("anna", syncengine.ContactFilter{Status: "inactive"}))
	require.Equal(t, []string{"Anna Maria Berg"}, e.searched("anna.berg@corp.example", syncengine.ContactFilter{}))

	e.host(syncengine.ContactRecord{ExternalID: ptr("2"), FullName: "Bo Carlsson"}, syncengine.ContactRecord{ExternalID: ptr("4"), Deleted: ptr(true)})
	require.Equal(t, []string{"Anna Annason Anna"}, e.searched("annas", syncengine.ContactFilter{}))
	require.Equal(t, []string{"Bo Carlsson"}, e.searched("carl", syncengine.ContactFilter{}))
	require.Equal(t, []string{"Anna Maria Berg"}, e.searched("berg", syncengine.ContactFilter{}))
	e.erased(syncengine.PersonSubject{Email: "anna.berg@corp.example"})
	require.Empty(t, e.searched("berg", syncengine.ContactFilter{}))
	require.Empty(t, e.found("maria berg"))
	e.host(syncengine.ContactRecord{ExternalID: ptr("5"), FullName: "Zoë Kurz"})
	require.Empty(t, e.searched("von und", syncengine.ContactFilter{}))
	require.Equal(t, []string{"Zoë Kurz"}, e.searched("kurz", syncengine.ContactFilter{}))
	e.host(syncengine.ContactRecord{ExternalID: ptr("5"), FullName: long})
	require.Equal(t, []string{long}, e.searched("zu von und", syncengine.ContactFilter{}))
	// A name that a sync gives is found too.
	e.dir.users = []syncengine.User{person("new", "Gil Synced", "gil@corp.example")}
	e.round()
	require.Equal(t, []string{"Gil Synced"}, e.searched("sync", syncengine.ContactFilter{}))
}

// TestASearchWithinAClientIsNotReadOnInAnotherOrder: it is in order of id while the client has few contacts, and
// in order of what was found where it has more. A place in the one is none in the other.
func TestASearchWithinAClientIsNotReadOnInAnotherOrder(t *testing.T) {
	t.Parallel()
	e := setup(t)
	const few = 2000
	fill := func(from, to int) {
		e.exec(`INSERT INTO contacts (tenant_id, id, client_id, external_id, full_name, name_key, email, made_by, created_at, updated_at)
			SELECT $1, md5(n::text)::uuid, $2, 'x-' || n, 'Anna ' || n, 'anna ' || n, '', 'host', now(), now() FROM generate_series($3::int, $4::int) n`, msp, client, from, to)
	}
	read := func(after *syncengine.ContactPosition, size int) (names []string, next *syncengine.ContactPosition, err error) {
		contacts, next, _, err := e.list.Do(e.ctx(), "anna", syncengine.ContactPage{Filter: syncengine.ContactFilter{ClientID: client}, After: after, Size: size})
		for i := range contacts {
			names = append(names, contacts[i].FullName)
		}
		return names, next, err
	}
	all := func(others int) *syncengine.ContactPosition {
		first, next, err := read(nil, 500)
		require.NoError(t, err)
		rest, end, err := read(next, few)
		require.NoError(t, err)
		require.Nil(t, end)
		names := append(first, rest...)
		slices.Sort(names)
		require.Len(t, slices.Compact(names), few+others)
		return next
	}
	fill(1, few)
	byID := all(0)
	require.Zero(t, byID.ContactOrder, "a token that the version before takes too")
	fill(few+1, few+1)
	_, _, err := read(byID, 500)
	require.ErrorIs(t, err, syncengine.ErrOrderChanged)
	byPlace := all(1)
	e.exec(`DELETE FROM contacts WHERE external_id = 'x-1'`)
	_, _, err = read(byPlace, 500)
	require.ErrorIs(t, err, syncengine.ErrOrderChanged)
	everywhere, _, _, err := e.list.Do(e.ctx(), "anna", syncengine.ContactPage{Size: 2})
	require.NoError(t, err)
	require.Len(t, everywhere, 2)
}

// TestASearchForNothingIsRefused and does not list everybody.
func TestASearchForNothingIsRefused(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.host(syncengine.ContactRecord{ExternalID: ptr("1"), ClientID: ptr(client), FullName: "Anna"})
	for _, q := range []string{"\u200b", " \u200b\u00ad ", "\x00", "\ufe0f"} {
		_, _, _, err := e.list.Do(e.ctx(), q, syncengine.ContactPage{Size: 2})
		var refused *errs.Error
		require.ErrorAs(t, err, &refused, "%q", q)
		require.Equal(t, errs.Invalid, refused.Kind(), "%q", q)
		require.Equal(t, "q", refused.Violations()[0].Field, "%q", q)
	}
	require.Equal(t, []string{"Anna"}, e.searched(" \t", syncengine.ContactFilter{}), "spaces are no query")
}
