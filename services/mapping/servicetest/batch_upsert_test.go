package servicetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
)

func text(s string) *string { return &s }

// outcomes are what became of records, in their order.
func outcomes(results []*mappingv1.RecordResult) (all []string) {
	for _, r := range results {
		all = append(all, r.GetOutcome())
	}
	return all
}

// TestAPlaceholderIsNoDomainAndNoFault: what people write where there is no website
// does not refuse the client; it is kept, and finds nothing.
func TestAPlaceholderIsNoDomainAndNoFault(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i, placeholder := range []string{"n/a", "N/A", "NA", " none ", "-", "–", "TBD", "null", "unknown"} {
		results := b.upsert(&mappingv1.ClientRecord{
			ExternalId: fmt.Sprintf("x-%d", i), Name: "Acme", Website: text(placeholder), Domain: text(placeholder),
		})
		require.Equal(t, "created", results[0].GetOutcome(), placeholder)
		require.Equal(t, strings.TrimSpace(placeholder), b.client(results[0].GetId()).GetWebsite())
	}
	var domains int
	require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT count(*) FROM client_domains`).Scan(&domains))
	require.Zero(t, domains)
	results := b.upsert(&mappingv1.ClientRecord{ExternalId: "bad", Name: "Bad", Website: text("nonesuch")})
	require.Equal(t, "created", results[0].GetOutcome(), "a word that is no placeholder costs the field")
	require.Len(t, results[0].GetWarnings(), 1)
	require.Equal(t, "website", results[0].GetWarnings()[0].GetField())
}

// TestABatchOfTooManyDomainsIsRefused: records times domains bound what one call
// writes under the lock of the tenant's clients.
func TestABatchOfTooManyDomainsIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	domains := make([]string, 100)
	for i := range domains {
		domains[i] = fmt.Sprintf("d%d.io", i)
	}
	records := make([]*mappingv1.ClientRecord, 100)
	for i := range records {
		records[i] = &mappingv1.ClientRecord{ExternalId: fmt.Sprint(i), Name: "Acme", AlternativeDomains: domains, EmailDomains: domains}
	}
	require.Len(t, b.upsert(records...), 100)
	records = append(records, &mappingv1.ClientRecord{ExternalId: "more", Name: "More", EmailDomains: []string{"more.io"}})
	_, err := b.clients.BatchUpsertClients(b.ctx(), &mappingv1.BatchUpsertClientsRequest{Clients: records})
	require.Equal(t, errs.Invalid, errs.KindOf(err))
	require.ErrorContains(t, err, "20001 domains")
}

func TestBatchWritesClientsByExternalID(t *testing.T) {
	t.Parallel()
	b := setup(t)
	acme := &mappingv1.ClientRecord{
		ExternalId: "a", Name: " Acme ", Website: text("https://acme.com/x"), Domain: text("acme.com"),
		AlternativeDomains: []string{"acme.net"}, EmailDomains: []string{"acme.org"}, BillingEmail: text("ap@acme.io"),
	}
	borealis := &mappingv1.ClientRecord{ExternalId: "b", Name: `O'Neill"; DROP TABLE clients --`}
	first := b.upsert(acme, borealis)
	require.Equal(t, []string{"created", "created"}, outcomes(first))
	client := b.client(first[0].GetId())
	require.Equal(t, "Acme", client.GetName())
	require.Equal(t, "https://acme.com/x", client.GetWebsite())
	require.Equal(t, []string{"acme.net"}, client.GetAlternativeDomains())
	require.Equal(t, []string{"acme.org"}, client.GetEmailDomains())
	require.Equal(t, "ap@acme.io", client.GetBillingEmail())
	require.Equal(t, borealis.GetName(), b.client(first[1].GetId()).GetName())
	for _, domain := range []string{"acme.com", "acme.net", "acme.org", "acme.io"} {
		found, err := b.clients.ListClients(b.ctx(), &mappingv1.ListClientsRequest{Q: domain})
		require.NoError(t, err)
		require.Len(t, found.GetClients(), 1, domain)
	}

	before := b.contents()
	require.Equal(t, []string{"unchanged", "unchanged"}, outcomes(b.upsert(acme, borealis)))
	require.Equal(t, before, b.contents(), "an unchanged record writes nothing")

	again := b.upsert(borealis, &mappingv1.ClientRecord{ExternalId: "a", Name: "Acme"})
	require.Equal(t, []string{"unchanged", "updated"}, outcomes(again))
	require.Equal(t, first[0].GetId(), again[1].GetId())
	client = b.client(first[0].GetId())
	require.Empty(t, client.GetWebsite(), "a record replaces all fields")
	require.Empty(t, client.GetAlternativeDomains())
	found, err := b.clients.ListClients(b.ctx(), &mappingv1.ListClientsRequest{Q: "acme.net"})
	require.NoError(t, err)
	require.Empty(t, found.GetClients())
}

func TestABadRecordDoesNotFailTheOthers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	many := make([]string, 101)
	results := b.upsert(
		&mappingv1.ClientRecord{ExternalId: "ok", Name: "Fine"},
		&mappingv1.ClientRecord{Name: "No id"},
		&mappingv1.ClientRecord{ExternalId: "empty", Name: "  "},
		&mappingv1.ClientRecord{ExternalId: "long", Name: strings.Repeat("é", 257)},
		&mappingv1.ClientRecord{ExternalId: "nul", Name: "a\x00b"},
		&mappingv1.ClientRecord{ExternalId: "web", Name: "W", Website: text("not a domain")},
		&mappingv1.ClientRecord{
			ExternalId: "lists", Name: "L", AlternativeDomains: []string{"fine.example", "nodot"},
			EmailDomains: many, BillingEmail: text("nobody"),
		},
		&mappingv1.ClientRecord{ExternalId: "control", Name: "C", Domain: text("a.example/\x1fb")},
		&mappingv1.ClientRecord{ExternalId: "ok", Name: "Twice"},
		&mappingv1.ClientRecord{ExternalId: "longest", Name: strings.Repeat("é", 256)},
	)
	var got []string
	for _, r := range results {
		line := r.GetOutcome()
		for _, v := range r.GetViolations() {
			line += " " + v.GetField()
		}
		for _, w := range r.GetWarnings() {
			line += " warned of " + w.GetField()
		}
		got = append(got, line)
	}
	require.Equal(t, []string{
		"created", "invalid externalId", "invalid name", "invalid name", "invalid name", "created warned of website",
		"invalid emailDomains", "created warned of domain", "invalid externalId", "created",
	}, got)
	require.Equal(t, "Fine", b.client(results[0].GetId()).GetName())
}

// rowVersions tells every version of every row of clients and their domains.
func (b *bundle) rowVersions() (all string) {
	b.t.Helper()
	err := b.db.Admin.QueryRow(b.t.Context(), `
		SELECT concat_ws('|',
			(SELECT string_agg(c.id::text || c.xmin::text, ',' ORDER BY c.id) FROM clients c),
			(SELECT string_agg(d.domain || d.client_id::text || d.xmin::text, ',' ORDER BY d.domain, d.client_id) FROM client_domains d),
			(SELECT string_agg(h.tenant_id || h.xmin::text, ',' ORDER BY h.tenant_id) FROM entra_mapping_heads h))`).Scan(&all)
	require.NoError(b.t, err)
	return all
}

// TestAClientsTextsAreCleaned as those of contacts are, which name it by its external id.
func TestAClientsTextsAreCleaned(t *testing.T) {
	t.Parallel()
	b := setup(t)
	acme := &mappingv1.ClientRecord{ExternalId: " Cafe\u0301-1 ", Name: "Acme\u202eevil\nLtd\u200b  two"}
	first := b.upsert(acme, &mappingv1.ClientRecord{ExternalId: "x2", Name: "\u200b"})
	require.Equal(t, []string{"created", "invalid"}, outcomes(first))
	require.Equal(t, "name", first[1].GetViolations()[0].GetField())
	require.Equal(t, "Acmeevil Ltd two", b.client(first[0].GetId()).GetName())
	require.Equal(t, []string{"unchanged"}, outcomes(b.upsert(acme)))
	resolved, err := b.internal.ResolveClients(b.ctx(), &mappingv1.ResolveClientsRequest{ExternalIds: []string{"Caf\u00e9-1"}})
	require.NoError(t, err)
	require.Len(t, resolved.GetClients(), 1)
}

func TestTheSameBatchAgainWritesNoRow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	records := manyRecords(200, 0)
	b.upsert(records...)
	before := b.rowVersions()
	for _, r := range records { // what is trimmed away is no change
		r.Name, r.Domain = " "+r.GetName()+" ", text(r.GetDomain()+" ")
	}
	slices.Reverse(records)
	for _, r := range b.upsert(records...) {
		require.Equal(t, "unchanged", r.GetOutcome())
	}
	require.Equal(t, before, b.rowVersions())
	records[7].BillingEmail = text("new@b.example")
	b.upsert(records...)
	require.NotEqual(t, before, b.rowVersions())
}

func TestEveryFieldIsChecked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	long := strings.Repeat("a", 2049)
	type field = func(*mappingv1.ClientRecord)
	for name, c := range map[string]struct {
		change field
		want   string
	}{
		"no external id":         {func(r *mappingv1.ClientRecord) { r.ExternalId = " " }, "externalId: is missing"},
		"long external id":       {func(r *mappingv1.ClientRecord) { r.ExternalId = long }, "externalId: is longer than 256 characters"},
		"no name":                {func(r *mappingv1.ClientRecord) { r.Name = "\t" }, "name: is missing"},
		"NUL in the name":        {func(r *mappingv1.ClientRecord) { r.Name = "a\x00" }, "name: has characters that cannot be stored"},
		"website too long":       {func(r *mappingv1.ClientRecord) { r.Website = text(long) }, "website: is longer than 2048 characters"},
		"too many email domains": {func(r *mappingv1.ClientRecord) { r.EmailDomains = make([]string, 101) }, "emailDomains: has more than 100 domains"},
	} {
		bad := &mappingv1.ClientRecord{ExternalId: "bad", Name: "Bad"}
		c.change(bad)
		results := b.upsert(bad, &mappingv1.ClientRecord{ExternalId: "good", Name: "Good " + name})
		require.Equal(t, "invalid", results[0].GetOutcome(), name)
		require.Empty(t, results[0].GetId())
		require.Len(t, results[0].GetViolations(), 1, name)
		require.Equal(t, c.want, results[0].GetViolations()[0].GetField()+": "+results[0].GetViolations()[0].GetMessage(), name)
		require.NotEqual(t, "invalid", results[1].GetOutcome(), "the other record is written")
		require.Equal(t, "Good "+name, b.client(results[1].GetId()).GetName())
	}
	list, err := b.clients.ListClients(b.ctx(), &mappingv1.ListClientsRequest{})
	require.NoError(t, err)
	require.Len(t, list.GetClients(), 1, "nothing of a bad record is written")
}

// TestAFieldWithoutADomainCostsTheFieldAlone: the client is taken, with its other
// domains, and the answer says which field is of no use.
func TestAFieldWithoutADomainCostsTheFieldAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	type field = func(*mappingv1.ClientRecord)
	for name, c := range map[string]struct {
		change field
		want   string
	}{
		"two websites":                {func(r *mappingv1.ClientRecord) { r.Website = text("a.example, b.example") }, "website: holds more than one domain and matches nothing: give one"},
		"two addresses as website":    {func(r *mappingv1.ClientRecord) { r.Website = text("x@a.example y@b.example") }, "website: holds more than one domain and matches nothing: give one"},
		"scheme twice":                {func(r *mappingv1.ClientRecord) { r.Website = text("http://http://a.example") }, "website: holds no domain and matches nothing"},
		"a sentence":                  {func(r *mappingv1.ClientRecord) { r.Website = text("under construction") }, "website: holds no domain and matches nothing"},
		"to be confirmed":             {func(r *mappingv1.ClientRecord) { r.Domain = text("TBC") }, "domain: holds no domain and matches nothing"},
		"website without a dot":       {func(r *mappingv1.ClientRecord) { r.Website = text("localhost") }, "website: holds no domain and matches nothing"},
		"website at an address":       {func(r *mappingv1.ClientRecord) { r.Website = text("http://10.0.0.1/") }, "website: holds no domain and matches nothing"},
		"domain of mixed scripts":     {func(r *mappingv1.ClientRecord) { r.Domain = text("аcme.com") }, "domain: holds no domain and matches nothing"},
		"domain with an underscore":   {func(r *mappingv1.ClientRecord) { r.Domain = text("a_b.com") }, "domain: holds no domain and matches nothing"},
		"empty alternative domain":    {func(r *mappingv1.ClientRecord) { r.AlternativeDomains = []string{"a.example", ""} }, "alternativeDomains[1]: is empty and matches nothing"},
		"email domain without a dot":  {func(r *mappingv1.ClientRecord) { r.EmailDomains = []string{"a"} }, "emailDomains[0]: holds no domain and matches nothing"},
		"billing email without at":    {func(r *mappingv1.ClientRecord) { r.BillingEmail = text("acme.com") }, "billingEmail: is not an email address and matches nothing"},
		"billing email without a dot": {func(r *mappingv1.ClientRecord) { r.BillingEmail = text("a@b") }, "billingEmail: holds no domain and matches nothing"},
		"billing email of nobody":     {func(r *mappingv1.ClientRecord) { r.BillingEmail = text("@b.example") }, "billingEmail: holds no domain and matches nothing"},
		"two billing emails":          {func(r *mappingv1.ClientRecord) { r.BillingEmail = text("x@a.example; y@b.example") }, "billingEmail: holds more than one domain and matches nothing: give one"},
	} {
		record := &mappingv1.ClientRecord{ExternalId: name, Name: name, EmailDomains: []string{"good.example"}}
		c.change(record)
		if len(record.GetEmailDomains()) == 1 && record.GetEmailDomains()[0] != "good.example" {
			record.AlternativeDomains = []string{"good.example"}
		}
		result := b.upsert(record)[0]
		require.Equal(t, "created", result.GetOutcome(), name)
		require.Empty(t, result.GetViolations(), name)
		require.Len(t, result.GetWarnings(), 1, name)
		require.Equal(t, c.want, result.GetWarnings()[0].GetField()+": "+result.GetWarnings()[0].GetMessage(), name)
		var domains []string
		require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT array_agg(domain ORDER BY domain) FROM client_domains WHERE client_id = $1`, result.GetId()).Scan(&domains))
		require.Contains(t, domains, "good.example", name)
		require.NotContains(t, domains, "b.example", name)
		again := b.upsert(record)[0]
		require.Equal(t, "unchanged", again.GetOutcome(), name)
		require.Len(t, again.GetWarnings(), 1, "said at every time")
	}
	for _, nothing := range []string{"", "-", "N/A", "none"} {
		require.Empty(t, b.upsert(&mappingv1.ClientRecord{ExternalId: "n", Name: "N", Website: &nothing, Domain: &nothing})[0].GetWarnings(), nothing)
	}
}

func TestOfRecordsWithOneExternalIDTheFirstCounts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	results := b.upsert(
		&mappingv1.ClientRecord{ExternalId: "a", Name: "First"},
		&mappingv1.ClientRecord{ExternalId: " a ", Name: "Second"},
		&mappingv1.ClientRecord{ExternalId: "A", Name: "Another"},
		&mappingv1.ClientRecord{ExternalId: "a", Deleted: true},
	)
	require.Equal(t, []string{"created", "invalid", "created", "invalid"}, outcomes(results))
	require.Equal(t, "is in clients[0] already", results[1].GetViolations()[0].GetMessage())
	require.Equal(t, "externalId", results[3].GetViolations()[0].GetField())
	require.Equal(t, "First", b.client(results[0].GetId()).GetName())
	require.False(t, b.client(results[0].GetId()).GetDeleted())
}

// TestTwoBatchesAtOnce writes overlapping batches from two sides, in opposite
// orders: one comes after the other, and neither makes a client twice.
func TestTwoBatchesAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := b.ctx()
	for round := range 3 {
		answers := make(chan []*mappingv1.RecordResult, 2)
		failures := make(chan error, 2)
		for side := range 2 {
			records := manyRecords(1000, 2*round+side+1)
			if side == 1 {
				slices.Reverse(records)
			}
			go func() {
				resp, err := b.clients.BatchUpsertClients(ctx, &mappingv1.BatchUpsertClientsRequest{Clients: records})
				answers <- resp.GetResults()
				failures <- err
			}()
		}
		ids := map[string]string{}
		for range 2 {
			for _, r := range <-answers {
				if before, known := ids[r.GetExternalId()]; known {
					require.Equal(t, before, r.GetId())
				}
				ids[r.GetExternalId()] = r.GetId()
			}
			require.NoError(t, <-failures)
		}
		require.Len(t, ids, 1000)
		var clients, domains, sides int
		require.NoError(t, b.db.Admin.QueryRow(ctx, `
			SELECT (SELECT count(*) FROM clients), (SELECT count(*) FROM client_domains),
			       (SELECT count(DISTINCT substring(domain FROM '-(\d+)')) FROM clients)`).Scan(&clients, &domains, &sides))
		require.Equal(t, 1000, clients)
		require.Equal(t, 4000, domains)
		require.Equal(t, 1, sides, "the later batch counts as a whole")
	}
}

func TestEachTenantHasItsOwnExternalIDs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	record := &mappingv1.ClientRecord{ExternalId: "a", Name: "Acme", Domain: text("acme.com")}
	ours := b.upsert(record)[0].GetId()
	resp, err := b.clients.BatchUpsertClients(as(t, "other"), &mappingv1.BatchUpsertClientsRequest{Clients: []*mappingv1.ClientRecord{record}})
	require.NoError(t, err)
	theirs := resp.GetResults()[0]
	require.Equal(t, "created", theirs.GetOutcome())
	require.NotEqual(t, ours, theirs.GetId())
	_, err = b.clients.GetClient(b.ctx(), &mappingv1.GetClientRequest{Id: theirs.GetId()})
	require.Equal(t, "client_not_found", errs.ReasonOf(err))
	require.Equal(t, errs.NotFound, errs.KindOf(err))
	_, err = b.clients.BatchUpsertClients(as(t, "other"), &mappingv1.BatchUpsertClientsRequest{
		Clients: []*mappingv1.ClientRecord{{ExternalId: "a", Deleted: true}},
	})
	require.NoError(t, err)
	require.False(t, b.client(ours).GetDeleted())
}

func TestADeletedClientIsRevived(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenants := b.discover("Acme", "acme.com")
	record := &mappingv1.ClientRecord{ExternalId: "a", Name: "Acme", Domain: text("acme.com")}
	id := b.upsert(record)[0].GetId()
	auto := func() int {
		preview, err := b.mappings.GetMappingPreview(b.ctx(), &mappingv1.GetMappingPreviewRequest{})
		require.NoError(t, err)
		return len(preview.GetAutoMatched())
	}
	require.Equal(t, 1, auto())
	b.upsert(&mappingv1.ClientRecord{ExternalId: "a", Deleted: true})
	require.Zero(t, auto(), "a deleted client is no candidate")
	_, err := b.confirm(decide(tenants[0], "map", id))
	require.Equal(t, []string{"decisions[0].clientId"}, violated(err))
	var rows int
	require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT count(*) FROM clients WHERE deleted`).Scan(&rows))
	require.Equal(t, 1, rows, "it is marked, not removed")
	again := b.upsert(record)
	require.Equal(t, []string{"updated"}, outcomes(again))
	require.Equal(t, id, again[0].GetId())
	require.Equal(t, 1, auto())
	b.mustConfirm(decide(tenants[0], "map", id))
}

func TestDeleteMarksAndIsRefusedWhileMapped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenants := b.discover("Acme", "acme.com")
	results := b.upsert(&mappingv1.ClientRecord{ExternalId: "a", Name: "Acme"}, &mappingv1.ClientRecord{ExternalId: "b", Name: "Borealis"})
	a, id := results[0].GetId(), results[1].GetId()
	b.mustConfirm(decide(tenants[0], "map", a))
	results = b.upsert(
		&mappingv1.ClientRecord{ExternalId: "a", Deleted: true},
		&mappingv1.ClientRecord{ExternalId: "b", Deleted: true},
		&mappingv1.ClientRecord{ExternalId: "never there", Deleted: true})
	require.Equal(t, []string{"invalid", "deleted", "unchanged"}, outcomes(results))
	require.Equal(t, "deleted", results[0].GetViolations()[0].GetField())
	require.Equal(t, `the client is mapped to the managed tenant "Acme": unmap it first`, results[0].GetViolations()[0].GetMessage())
	require.False(t, b.client(a).GetDeleted())
	require.True(t, b.client(id).GetDeleted())
	require.Equal(t, "Borealis", b.client(id).GetName(), "only the mark is written")
	list, err := b.clients.ListClients(b.ctx(), &mappingv1.ListClientsRequest{})
	require.NoError(t, err)
	require.Len(t, list.GetClients(), 1)
	resolved, err := b.internal.ResolveClients(b.ctx(), &mappingv1.ResolveClientsRequest{ClientIds: []string{a, id, "none"}, ExternalIds: []string{"b", "a"}})
	require.NoError(t, err)
	require.Len(t, resolved.GetClients(), 1)
	require.Equal(t, a, resolved.GetClients()[0].GetClientId())

	require.Equal(t, []string{"unchanged"}, outcomes(b.upsert(&mappingv1.ClientRecord{ExternalId: "b", Deleted: true})))
	require.Equal(t, []string{"updated"}, outcomes(b.upsert(&mappingv1.ClientRecord{ExternalId: "b", Name: "Borealis"})))
	require.False(t, b.client(id).GetDeleted())
	b.mustConfirm(decide(tenants[0], "skip"))
	require.Equal(t, []string{"deleted"}, outcomes(b.upsert(&mappingv1.ClientRecord{ExternalId: "a", Deleted: true})))
}

// manyRecords are the host's records of n clients; the round tells batches apart.
func manyRecords(n, round int) []*mappingv1.ClientRecord {
	records := make([]*mappingv1.ClientRecord, n)
	for i := range records {
		records[i] = &mappingv1.ClientRecord{
			ExternalId: fmt.Sprintf("c-%04d", i), Name: fmt.Sprintf("Client %04d", i), Domain: text(fmt.Sprintf("c%04d-%d.example", i, round)),
			Website:            text(fmt.Sprintf("https://www.c%04d-%d.example/", i, round)),
			AlternativeDomains: []string{fmt.Sprintf("a%04d.example", i)}, EmailDomains: []string{fmt.Sprintf("m%04d.example", i)},
			BillingEmail: text(fmt.Sprintf("ap@b%04d.example", i)),
		}
	}
	return records
}

func TestFiveThousandClientsInOneCall(t *testing.T) {
	t.Parallel()
	b := setup(t)
	records := manyRecords(5000, 0)
	records[17].Website = text("nothing")
	for _, outcome := range []string{"created", "unchanged"} {
		start := time.Now()
		results := b.upsert(records...)
		t.Logf("5,000 clients %s in %v", outcome, time.Since(start))
		for i, r := range results {
			if i == 17 {
				require.Len(t, r.GetWarnings(), 1, "its website is none, and it is taken without it")
				require.Equal(t, "website", r.GetWarnings()[0].GetField())
			} else {
				require.Empty(t, r.GetWarnings())
			}
			require.Equal(t, outcome, r.GetOutcome())
			require.EqualValues(t, i, r.GetIndex())
		}
	}
	_, err := b.clients.BatchUpsertClients(b.ctx(), &mappingv1.BatchUpsertClientsRequest{Clients: manyRecords(5001, 0)})
	require.Equal(t, errs.Invalid, errs.KindOf(err))
}

// BenchmarkBatch5000 measures a full batch over the network into the database:
// of new clients, of the same again, and of clients that all have changed.
func BenchmarkBatch5000(b *testing.B) {
	for _, c := range []struct {
		outcome string
		round   func(n int) int
	}{{"unchanged", func(int) int { return 0 }}, {"updated", func(n int) int { return n }}} {
		b.Run(c.outcome, func(b *testing.B) {
			bundle := setup(b)
			bundle.upsert(manyRecords(5000, 0)...)
			n := 0
			for b.Loop() {
				n++
				results := bundle.upsert(manyRecords(5000, c.round(n))...)
				require.Equal(b, c.outcome, results[4999].GetOutcome())
			}
		})
	}
	b.Run("created", func(b *testing.B) {
		bundle := setup(b)
		n := 0
		for b.Loop() {
			records := manyRecords(5000, 0)
			for _, r := range records {
				r.ExternalId = fmt.Sprintf("%s-%d", r.GetExternalId(), n)
			}
			n++
			results := bundle.upsert(records...)
			require.Equal(b, "created", results[4999].GetOutcome())
		}
	})
}
