package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/pg"
	"github.com/entrasync/entrasync/pkg/text"
	"github.com/entrasync/entrasync/services/sync-engine/internal/postgres"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// keyBefore is the key that versions until 000039 made of a name.
func keyBefore(name string) string { return text.Normalise(strings.ToLower(text.Normalise(name))) }

// keyedBefore gives the tenant's names the keys of the version before, as its programs write them.
func (e *engine) keyedBefore() {
	e.t.Helper()
	ids, names := e.rows(`SELECT id::text FROM contacts ORDER BY id`), e.rows(`SELECT full_name FROM contacts ORDER BY id`)
	require.NoError(e.t, pg.InTenant(e.ctx(), e.db.Pool(postgres.Context), func(ctx context.Context, tx pgx.Tx) error {
		for i, id := range ids {
			if _, err := tx.Exec(ctx, `UPDATE contacts SET name_key = $2 WHERE id = $1`, id, keyBefore(names[i])); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `UPDATE kept_identities SET name_key = lower(full_name)`)
		return err
	}))
	e.exec(`DELETE FROM contact_versions`) // that the test wrote
}

func (e *engine) keyed() int {
	e.t.Helper()
	n, err := e.store.KeyNames(e.t.Context())
	require.NoError(e.t, err)
	return n
}

// TestNamesOfTheVersionBeforeAreKeyedAnew, and nothing else of them changes: no version, no time, and
// no change is announced. Names that have the key already are not written.
func TestNamesOfTheVersionBeforeAreKeyedAnew(t *testing.T) {
	t.Parallel()
	e := setup(t)
	for i, name := range []string{"Jürgen Müller", "Smith-Jones, Ann", "Plain Name", "Сергей Йогов", "Jørgen Weiß"} {
		require.Empty(t, e.host(syncengine.ContactRecord{ExternalID: ptr(fmt.Sprint(i)), ClientID: ptr(client), FullName: name})[0].Violations)
	}
	kept := person("kept", "Zoë O'Neill", "zoe@corp.example")
	kept.AccountEnabled = ptr(false)
	e.dir.users = []syncengine.User{person("linked", "Renée Núñez", "renee@corp.example"), kept}
	e.round()
	e.keyedBefore()
	require.Empty(t, e.searched("muller", syncengine.ContactFilter{}), "as it is before")
	parts := e.rows(`SELECT part FROM contact_name_parts ORDER BY 1`)
	require.Contains(t, parts, "müller")

	const all = `SELECT to_jsonb(c) - 'name_key' FROM contacts c ORDER BY id`
	before, feed, untouched := e.rows(all), e.rows(`SELECT to_jsonb(c) FROM contact_changes c ORDER BY seq`), e.rows(`SELECT xmin::text FROM contacts WHERE full_name IN ('Plain Name', 'Сергей Йогов')`)
	head := e.rows(`SELECT seq FROM feed_heads`)
	require.Equal(t, 5, e.keyed())
	require.Equal(t, before, e.rows(all))
	require.Equal(t, feed, e.rows(`SELECT to_jsonb(c) FROM contact_changes c ORDER BY seq`))
	require.Equal(t, head, e.rows(`SELECT seq FROM feed_heads`))
	require.Equal(t, untouched, e.rows(`SELECT xmin::text FROM contacts WHERE full_name IN ('Plain Name', 'Сергей Йогов')`))
	require.Empty(t, e.rows(`SELECT version FROM contact_versions`), "the version is not over")
	for q, name := range map[string]string{
		"muller": "Jürgen Müller", "Müller": "Jürgen Müller", "jones": "Smith-Jones, Ann", "smith-j": "Smith-Jones, Ann", "ann": "Smith-Jones, Ann",
		"nunez": "Renée Núñez", "йог": "Сергей Йогов", "plain": "Plain Name", "name": "Plain Name",
		"jorgen": "Jørgen Weiß", "JØRGEN": "Jørgen Weiß", "weiss": "Jørgen Weiß", "weiß": "Jørgen Weiß",
	} {
		require.Equal(t, []string{name}, e.searched(q, syncengine.ContactFilter{}), q)
	}
	require.NotContains(t, e.rows(`SELECT part FROM contact_name_parts ORDER BY 1`), "müller")
	require.Equal(t, []string{"zoe o neill"}, e.rows(`SELECT name_key FROM kept_identities WHERE entra_object_id = 'kept'`))

	again := e.rows(`SELECT xmin::text FROM contacts ORDER BY id`)
	require.Zero(t, e.keyed(), "once is enough")
	require.Equal(t, again, e.rows(`SELECT xmin::text FROM contacts ORDER BY id`))

	// A change afterwards keeps the version that ends, once.
	e.host(syncengine.ContactRecord{ExternalID: ptr("0"), FullName: "Jürgen Maier"})
	require.Equal(t, []string{"1 Jürgen Müller"}, e.rows(`SELECT version, full_name FROM contact_versions`))
	// What the version before writes while it is replaced comes right the next time.
	e.keyedBefore()
	require.NotZero(t, e.keyed())
	require.Equal(t, []string{"Jürgen Maier"}, e.searched("jurgen", syncengine.ContactFilter{}))
}

// TestKeyingGoesOnWhereItWasBrokenOff, over more rows than one transaction takes, of several tenants.
func TestKeyingGoesOnWhereItWasBrokenOff(t *testing.T) {
	t.Parallel()
	e := setup(t)
	const people = 2500
	for _, msp := range []string{msp, "msp-2"} {
		e.exec(`INSERT INTO feed_heads (tenant_id, seq) VALUES ($1, 0)`, msp)
		e.exec(`INSERT INTO directories (tenant_id, entra_tenant_id, managed_tenant_id, client_id, mapping_revision, settings_fingerprint)
			VALUES ($1, 'd', 'm', gen_random_uuid(), 1, '')`, msp)
		e.exec(`INSERT INTO client_heads (tenant_id, client_id) SELECT $1, ('0000000000000000000000000000000' || n)::uuid FROM generate_series(0, 9) n`, msp)
		e.exec(`INSERT INTO contacts (tenant_id, id, client_id, full_name, name_key, email, email_norm, made_by, created_at, updated_at)
			SELECT $1, gen_random_uuid(), ('0000000000000000000000000000000' || n % 10)::uuid, 'Ä Müller-' || n, 'ä müller-' || n, '', NULL, 'host', now(), now() FROM generate_series(1, $2::int) n`, msp, people)
		e.exec(`INSERT INTO kept_identities (tenant_id, entra_tenant_id, entra_object_id, verdict, linked, content, upn, full_name, name_key, named, email, email_norm, mailed, phone, role, addresses, own, contact_id)
			SELECT $1, 'd', 'k' || n, 'unlicensed', false, n, 'K', 'É ' || n, 'é ' || n, true, '', NULL, true, '', '', '', 1, gen_random_uuid() FROM generate_series(1, $2::int) n`, msp, people)
	}
	// Somebody writes one of them meanwhile, and is not waited for.
	var id uuid.UUID
	require.NoError(t, e.admin.QueryRow(t.Context(), `SELECT id FROM contacts WHERE full_name = 'Ä Müller-7' AND tenant_id = $1`, msp).Scan(&id))
	writer, err := e.admin.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = writer.Rollback(context.WithoutCancel(t.Context())) }()
	_, err = writer.Exec(t.Context(), `SELECT FROM contacts WHERE id = $1 FOR UPDATE`, id)
	require.NoError(t, err)

	broken, stop := context.WithCancel(t.Context())
	stop()
	_, err = e.store.KeyNames(broken)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 4*people-1, e.keyed())
	require.NoError(t, writer.Rollback(t.Context()))
	require.Equal(t, 1, e.keyed())
	require.Equal(t, 2*people, e.count(`SELECT count(*) FROM contacts WHERE name_key LIKE 'a muller %'`))
	require.Equal(t, 2*people, e.count(`SELECT count(*) FROM kept_identities WHERE name_key LIKE 'e %'`))
	require.Equal(t, 4*people, e.count(`SELECT count(*) FROM contact_name_parts WHERE part LIKE 'muller %' OR part ~ '^[0-9]+$'`), "two words each")
}

// TestContactsOfAClientThatSomebodyWritesAreNotKeyed: a round finds them by the places of their rows.
func TestContactsOfAClientThatSomebodyWritesAreNotKeyed(t *testing.T) {
	t.Parallel()
	e := setup(t)
	const other = "66666666-6666-4666-8666-666666666666"
	e.mapping.clients[other] = "ext-other"
	for i, of := range []string{client, other} {
		require.Empty(t, e.host(syncengine.ContactRecord{ExternalID: ptr(fmt.Sprint(i)), ClientID: ptr(of), FullName: fmt.Sprintf("Zoë-%d", i)})[0].Violations)
	}
	e.keyedBefore()
	for i, lock := range []string{
		`UPDATE client_heads SET revision = revision WHERE client_id = $1`,
		`SELECT FROM client_heads WHERE client_id = $1 FOR SHARE`, // as the two sessions of a round do
	} {
		writer, err := e.admin.Begin(t.Context())
		require.NoError(t, err)
		defer func() { _ = writer.Rollback(context.WithoutCancel(t.Context())) }()
		_, err = writer.Exec(t.Context(), lock, client)
		require.NoError(t, err)
		require.Equal(t, 1-i, e.keyed(), lock)
		require.Equal(t, []string{"zoë-0", "zoe 1"}, e.rows(`SELECT name_key FROM contacts ORDER BY full_name`))
		require.NoError(t, writer.Rollback(t.Context()))
	}
	require.Equal(t, 1, e.keyed())
}

// TestProcessesKeyNamesAtOnce, as replicas do that start together.
func TestProcessesKeyNamesAtOnce(t *testing.T) {
	t.Parallel()
	e := setup(t)
	var records []syncengine.ContactRecord
	for i := range 300 {
		records = append(records, syncengine.ContactRecord{ExternalID: ptr(fmt.Sprint(i)), ClientID: ptr(client), FullName: fmt.Sprintf("Zoë-%d", i)})
	}
	e.host(records...)
	e.keyedBefore()
	results := make(chan error, 4)
	for range cap(results) {
		go func() {
			_, err := e.store.KeyNames(e.t.Context())
			results <- err
		}()
	}
	for range cap(results) {
		require.NoError(t, <-results)
	}
	e.keyed() // what one of them held while another passed by
	require.Equal(t, 300, e.count(`SELECT count(*) FROM contacts WHERE name_key LIKE 'zoe %'`))
	require.Equal(t, 300, e.count(`SELECT count(*) FROM contact_name_parts`))
}

// TestAListIsNotReadOnAcrossNamesThatWereKeyedAnew: it would lack those that moved to before its place.
// One in order of id goes on, and one that begins afterwards.
func TestAListIsNotReadOnAcrossNamesThatWereKeyedAnew(t *testing.T) {
	t.Parallel()
	e := setup(t)
	for i, name := range []string{"Anna", "Özil", "Paul", "Zoe", "Émile"} {
		require.Empty(t, e.host(syncengine.ContactRecord{ExternalID: ptr(fmt.Sprint(i)), ClientID: ptr(client), FullName: name})[0].Violations)
	}
	require.Zero(t, e.keyed())
	read := func(filter syncengine.ContactFilter, q string, after *syncengine.ContactPosition) (names []string, next *syncengine.ContactPosition, err error) {
		contacts, next, _, err := e.list.Do(e.ctx(), q, syncengine.ContactPage{Filter: filter, After: after, Size: 3})
		for i := range contacts {
			names = append(names, contacts[i].FullName)
		}
		return names, next, err
	}
	byName := syncengine.ContactFilter{}
	_, next, err := read(byName, "", nil)
	require.NoError(t, err)
	require.Zero(t, next.Keyed, "a token that the version before takes too, where nothing moved")

	e.keyedBefore()
	names, next, err := read(byName, "", nil)
	require.NoError(t, err)
	require.Equal(t, []string{"Anna", "Paul", "Zoe"}, names)
	_, ofClient, err := read(syncengine.ContactFilter{ClientID: client}, "", nil)
	require.NoError(t, err)
	require.Equal(t, 2, e.keyed())
	_, _, err = read(byName, "", next)
	require.ErrorIs(t, err, syncengine.ErrOrderChanged)
	names, _, err = read(syncengine.ContactFilter{ClientID: client}, "", ofClient)
	require.NoError(t, err)
	require.Equal(t, []string{"Zoe", "Émile"}, names)

	names, next, err = read(byName, "", nil)
	require.NoError(t, err)
	require.Equal(t, []string{"Anna", "Émile", "Özil"}, names)
	require.Zero(t, e.keyed())
	names, _, err = read(byName, "", next)
	require.NoError(t, err)
	require.Equal(t, []string{"Paul", "Zoe"}, names)
}
