package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
)

func text(s string) *string { return &s }

// outcomes are what became of records, in their order.
func outcomes(results []*mappingv1.RecordResult) (all []string) {
	for _, r := range results {
		all = append(all, r.GetOutcome())
	}
	return all
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
		got = append(got, line)
	}
	require.Equal(t, []string{
		"created", "invalid externalId", "invalid name", "invalid name", "invalid name", "invalid website",
		"invalid billingEmail alternativeDomains[1] emailDomains", "invalid domain", "invalid externalId", "created",
	}, got)
	require.Equal(t, "Fine", b.client(results[0].GetId()).GetName())
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

func TestFiveThousandClientsInOneCall(t *testing.T) {
	t.Parallel()
	b := setup(t)
	records := make([]*mappingv1.ClientRecord, 5000)
	for i := range records {
		records[i] = &mappingv1.ClientRecord{
			ExternalId: fmt.Sprintf("c-%04d", i), Name: fmt.Sprintf("Client %04d", i), Domain: text(fmt.Sprintf("c%04d.example", i)),
			EmailDomains: []string{fmt.Sprintf("m%04d.example", i)},
		}
	}
	for _, outcome := range []string{"created", "unchanged"} {
		start := time.Now()
		results := b.upsert(records...)
		t.Logf("5,000 clients %s in %v", outcome, time.Since(start))
		for i, r := range results {
			require.Equal(t, outcome, r.GetOutcome())
			require.EqualValues(t, i, r.GetIndex())
		}
	}
	list, err := b.clients.ListClients(b.ctx(), &mappingv1.ListClientsRequest{Q: "client 499", PageSize: 4})
	require.NoError(t, err)
	require.EqualValues(t, 10, list.GetTotalSize())
	require.Len(t, list.GetClients(), 4)
	next, err := b.clients.ListClients(b.ctx(), &mappingv1.ListClientsRequest{Q: "client 499", PageSize: 200, PageToken: list.GetNextPageToken()})
	require.NoError(t, err)
	require.Len(t, next.GetClients(), 6)
	require.Equal(t, "Client 4994", next.GetClients()[0].GetName())
	require.Empty(t, next.GetNextPageToken())
	nul := mapping.EncodeCursor(mapping.Cursor{Key: "a\x00", ID: list.GetClients()[0].GetId()}, "clients", "another search")
	for _, token := range []string{"garbage", list.GetNextPageToken(), nul} {
		_, err = b.clients.ListClients(b.ctx(), &mappingv1.ListClientsRequest{Q: "another search", PageToken: token})
		require.Equal(t, "invalid_argument", errs.ReasonOf(err))
		require.Equal(t, errs.Invalid, errs.KindOf(err))
		require.Equal(t, []string{"pageToken"}, violated(err))
	}
	_, err = b.mappings.ListMappings(b.ctx(), &mappingv1.ListMappingsRequest{Q: "a\x00b"})
	require.Equal(t, "invalid_argument", errs.ReasonOf(err))
	require.Equal(t, []string{"q"}, violated(err))
	_, err = b.clients.ListClients(b.ctx(), &mappingv1.ListClientsRequest{Q: "a\x00b"})
	require.NoError(t, err, "control characters are spaces in a name")
}

// violated are the fields that an error names.
func violated(err error) (fields []string) {
	if e, ok := errors.AsType[*errs.Error](err); ok {
		for _, v := range e.Violations() {
			fields = append(fields, v.Field)
		}
	}
	return fields
}

func TestListMappingsSearches(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenants := b.discover("Äcme", "acme.com", "Borealis", "borealis.io", "Cobalt", "cobalt.io")
	clients := b.add("Zebra", "zebra.io")
	b.mustConfirm(decide(tenants[0], "map", clients[0]), decide(tenants[1], "skip"), decide(tenants[2], "skip"))
	list := func(req *mappingv1.ListMappingsRequest) (names []string) {
		resp, err := b.mappings.ListMappings(b.ctx(), req)
		require.NoError(t, err)
		for _, m := range resp.GetMappings() {
			names = append(names, m.GetDisplayName())
		}
		return names
	}
	require.Equal(t, []string{"Äcme", "Borealis", "Cobalt"}, list(&mappingv1.ListMappingsRequest{}))
	require.Equal(t, []string{"Borealis", "Cobalt"}, list(&mappingv1.ListMappingsRequest{State: "skip_for_now"}))
	require.Equal(t, []string{"Äcme"}, list(&mappingv1.ListMappingsRequest{Q: "ACM"}))
	require.Equal(t, []string{"Äcme"}, list(&mappingv1.ListMappingsRequest{Q: "zebra"}), "by the client's name")
	require.Equal(t, []string{"Cobalt"}, list(&mappingv1.ListMappingsRequest{Q: "cobalt.io"}))
	require.Equal(t, []string{"Borealis"}, list(&mappingv1.ListMappingsRequest{Q: strings.ToUpper(b.entra(tenants[1]))}))
	first, err := b.mappings.ListMappings(b.ctx(), &mappingv1.ListMappingsRequest{PageSize: 2})
	require.NoError(t, err)
	require.EqualValues(t, 3, first.GetTotalSize())
	require.Equal(t, []string{"Cobalt"}, list(&mappingv1.ListMappingsRequest{PageSize: 2, PageToken: first.GetNextPageToken()}))
}
