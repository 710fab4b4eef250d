package postgres_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

const (
	millionContacts = 1_000_000
	millionClients  = 5_000
	millionChunk    = 20_000
)

// million loads a tenant's million contacts, in chunks, as the host would have sent them: the
// first client has some 20,000, every other one some 200. Most addresses begin as the name does.
// Their tables are vacuumed, as they are by the server itself after a while.
func million(b *testing.B) (e *engine, clients, ids []string) {
	b.Helper()
	e = setup(b)
	for range millionClients {
		clients = append(clients, uuid.NewString())
	}
	for from := 0; from < millionContacts; from += millionChunk {
		e.exec(`INSERT INTO contacts (tenant_id, id, client_id, external_id, full_name, name_key, email, email_norm, made_by, created_at, updated_at)
			SELECT $1, r.id, (($4::text[])[1 + CASE WHEN r.n % 49 = 0 THEN 0 ELSE r.n % $5 END])::uuid, 'x-' || r.n, r.name, lower(r.name),
				r.email, r.email, 'host', now(), now()
			FROM (
				SELECT w.n, md5(w.n::text)::uuid AS id, w.first || ' ' || w.middle || ' ' || w.last AS name,
					CASE WHEN w.n % 10 = 0 THEN w.n || '@corp.example' ELSE lower(w.first || '.' || w.last || w.n || '@corp.example') END AS email
				FROM (
					SELECT n, chr(65 + n % 20) || substr(md5('f' || n % 4000), 1, 6) AS first, 'M' || substr(md5('m' || n % 300), 1, 5) AS middle,
						'L' || substr(md5('l' || n % 60000), 1, 7) AS last
					FROM generate_series($2::int, $3::int) AS n
				) w
			) r`, msp, from, from+millionChunk-1, clients, millionClients)
	}
	e.exec(`VACUUM ANALYZE contacts`)
	e.exec(`VACUUM ANALYZE contact_name_parts`)
	return e, clients, e.rows(`SELECT id::text FROM contacts ORDER BY external_id LIMIT 2000`)
}

// percentile99 does something some hundred times, after a few to warm up, and reports how
// long the slowest hundredth takes at least.
func percentile99(b *testing.B, what string, do func(n int)) {
	b.Helper()
	const times, warm = 400, 20
	took := make([]time.Duration, 0, times)
	for n := range times + warm {
		began := time.Now()
		do(n)
		if n >= warm {
			took = append(took, time.Since(began))
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[times*99/100].Microseconds())/1000, what+"-p99-ms")
}

// BenchmarkMillionContacts prints how long a list by client, a search by the beginning of a
// word, a contact, and the ten-thousandth page of a list take at the 99th percentile, and how
// long a batch of 5,000 takes, where a tenant has a million contacts.
func BenchmarkMillionContacts(b *testing.B) {
	e, clients, ids := million(b)
	page := func(filter syncengine.ContactFilter, after *syncengine.ContactPosition, q string) *syncengine.ContactPosition {
		contacts, next, _, err := e.list.Do(e.ctx(), q, syncengine.ContactPage{Filter: filter, After: after, Size: 50})
		require.NoError(b, err)
		require.NotEmpty(b, contacts)
		return next
	}
	// Where page 10,000 begins: after half a million contacts in order of name.
	var deep syncengine.ContactPosition
	require.NoError(b, e.admin.QueryRow(b.Context(), `SELECT name_key, id::text FROM contacts WHERE tenant_id = $1 ORDER BY name_key, id OFFSET 499999 LIMIT 1`, msp).
		Scan(&deep.NameKey, &deep.ID))
	words := e.rows(`SELECT DISTINCT left(part, 4) FROM contact_name_parts WHERE part LIKE 'l%' ORDER BY 1 LIMIT 1000`)
	b.ResetTimer()
	for b.Loop() {
		percentile99(b, "client", func(n int) { page(syncengine.ContactFilter{ClientID: clients[1+n]}, nil, "") })
		percentile99(b, "large-client", func(int) { page(syncengine.ContactFilter{ClientID: clients[0]}, nil, "") })
		percentile99(b, "word", func(int) { page(syncengine.ContactFilter{}, nil, words[rand.IntN(len(words))]) })
		percentile99(b, "letter", func(n int) { page(syncengine.ContactFilter{}, nil, string("aml"[n%3])) })
		percentile99(b, "address", func(n int) { page(syncengine.ContactFilter{}, nil, fmt.Sprintf("%d@c", 1000+10*n)) })
		percentile99(b, "get", func(n int) {
			_, err := e.store.Contact(e.ctx(), ids[n])
			require.NoError(b, err)
		})
		percentile99(b, "page10000", func(int) { page(syncengine.ContactFilter{}, &deep, "") })
		var slowest time.Duration
		for round := range 3 {
			records := make([]syncengine.ContactRecord, 5000)
			for i := range records {
				records[i] = syncengine.ContactRecord{
					ExternalID: ptr(fmt.Sprintf("b-%d", i)), ClientID: ptr(client), FullName: fmt.Sprintf("Batch %d of %d", i, round),
					Email: ptr(fmt.Sprintf("b%d@batch.example", i)),
				}
			}
			began := time.Now()
			results := e.host(records...)
			slowest = max(slowest, time.Since(began))
			require.Equal(b, map[bool]string{true: "created", false: "updated"}[round == 0], results[0].Outcome)
		}
		b.ReportMetric(slowest.Seconds(), "batch5000-s")
	}
}
