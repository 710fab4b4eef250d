package servicetest

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
)

// createNew lets a run make a client for a managed tenant of this name and domain,
// and gives its id.
func (b *bundle) createNew(name, domain string) (client, managedTenant string) {
	b.t.Helper()
	managedTenant = b.discover(name, domain)[0]
	b.mustConfirm(decide(managedTenant, "create_new"))
	_, err := b.internal.CreateDecidedClients(b.ctx(), &mappingv1.CreateDecidedClientsRequest{RunId: uuid.NewString()})
	require.NoError(b.t, err)
	return b.history(managedTenant)[0].GetClientId(), managedTenant
}

// TestTheHostAdoptsAClientThatARunMade: the host's record of the same company names
// it by its id, and from then on by the host's own. No second client comes of it.
func TestTheHostAdoptsAClientThatARunMade(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, tenant := b.createNew("Acme Ltd", "acme.com")
	record := &mappingv1.ClientRecord{Id: " " + strings.ToUpper(id), ExternalId: "C-1", Name: "Acme", Domain: text("acme.com"), Website: text("https://acme.example")}
	results := b.upsert(record)
	require.Equal(t, []string{"adopted"}, outcomes(results))
	require.Equal(t, id, results[0].GetId())
	require.Equal(t, "C-1", results[0].GetExternalId())

	list, err := b.clients.ListClients(b.ctx(), &mappingv1.ListClientsRequest{})
	require.NoError(t, err)
	require.Len(t, list.GetClients(), 1)
	client := list.GetClients()[0]
	require.Equal(t, "C-1", client.GetExternalId())
	require.Equal(t, "Acme", client.GetName())
	require.Equal(t, "https://acme.example", client.GetWebsite())
	require.Equal(t, tenant, client.GetMappings()[0].GetManagedTenantId(), "it stays mapped")
	resolved, err := b.internal.ResolveClients(b.ctx(), &mappingv1.ResolveClientsRequest{ExternalIds: []string{"C-1"}})
	require.NoError(t, err)
	require.Equal(t, id, resolved.GetClients()[0].GetClientId())
	found, err := b.clients.ListClients(b.ctx(), &mappingv1.ListClientsRequest{Q: "acme.example"})
	require.NoError(t, err)
	require.Len(t, found.GetClients(), 1, "its new domains are looked up")

	before := b.contents()
	require.Equal(t, []string{"unchanged"}, outcomes(b.upsert(record)), "also with its id")
	record.Id = ""
	require.Equal(t, []string{"unchanged"}, outcomes(b.upsert(record)), "by its external id")
	require.Equal(t, before, b.contents())
	record.Name = "Acme Group"
	require.Equal(t, []string{"updated"}, outcomes(b.upsert(record)))
	require.Equal(t, "Acme Group", b.client(id).GetName())
}

// TestARecordMayNameAClientByItsIDAlone: what a run made can be changed and marked
// as deleted before the host has an id for it.
func TestARecordMayNameAClientByItsIDAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, tenant := b.createNew("Acme", "acme.com")
	require.Equal(t, []string{"updated"}, outcomes(b.upsert(&mappingv1.ClientRecord{Id: id, Name: "Acme Two", Domain: text("acme.com")})))
	require.Equal(t, "Acme Two", b.client(id).GetName())
	require.Empty(t, b.client(id).GetExternalId())
	refused := b.upsert(&mappingv1.ClientRecord{Id: id, Deleted: true})
	require.Equal(t, "deleted", refused[0].GetViolations()[0].GetField(), "it is mapped")
	b.mustConfirm(decide(tenant, "skip"))
	require.Equal(t, []string{"deleted"}, outcomes(b.upsert(&mappingv1.ClientRecord{Id: id, Deleted: true})))
	require.Equal(t, []string{"unchanged"}, outcomes(b.upsert(&mappingv1.ClientRecord{Id: id, Deleted: true})))
	require.Equal(t, []string{"adopted"}, outcomes(b.upsert(&mappingv1.ClientRecord{Id: id, ExternalId: "C-1", Name: "Acme"})), "adopted, it is back")
	require.False(t, b.client(id).GetDeleted())

	known := b.upsert(&mappingv1.ClientRecord{ExternalId: "C-2", Name: "Borealis"})[0].GetId()
	require.Equal(t, []string{"updated"}, outcomes(b.upsert(&mappingv1.ClientRecord{Id: known, Name: "Boreal"})))
	require.Equal(t, "C-2", b.client(known).GetExternalId(), "a record without one leaves it alone")
}

// TestARecordWithAWrongIDIsRefused, it alone, and writes nothing.
func TestARecordWithAWrongIDIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made, _ := b.createNew("Acme", "acme.com")
	other, _ := b.createNew("Borealis", "borealis.io")
	hosts := b.upsert(&mappingv1.ClientRecord{ExternalId: "C-1", Name: "Cobalt"})[0].GetId()
	theirs, err := b.clients.BatchUpsertClients(as(t, "other"), &mappingv1.BatchUpsertClientsRequest{
		Clients: []*mappingv1.ClientRecord{{ExternalId: "C-1", Name: "Theirs"}},
	})
	require.NoError(t, err)
	before := b.contents()
	record := func(id, externalID string) *mappingv1.ClientRecord {
		return &mappingv1.ClientRecord{Id: id, ExternalId: externalID, Name: "Acme"}
	}
	for name, c := range map[string]struct {
		records []*mappingv1.ClientRecord // the last is refused; the others change nothing
		want    string
	}{
		"unknown":                      {[]*mappingv1.ClientRecord{record(uuid.NewString(), "C-9")}, "id: is not a client"},
		"to be deleted and unknown":    {[]*mappingv1.ClientRecord{{Id: uuid.NewString(), Deleted: true}}, "id: is not a client"},
		"another tenant's":             {[]*mappingv1.ClientRecord{record(theirs.GetResults()[0].GetId(), "C-9")}, "id: is not a client"},
		"no id of ours":                {[]*mappingv1.ClientRecord{record("C-1", "C-9")}, "id: is not a client"},
		"another client's external id": {[]*mappingv1.ClientRecord{record(made, "C-1")}, "externalId: belongs to another client"},
		"a client that has another":    {[]*mappingv1.ClientRecord{record(hosts, "C-9")}, "externalId: the client has another external id"},
		"twice": {
			[]*mappingv1.ClientRecord{{Id: other, Name: "Borealis", Domain: text("borealis.io")}, record(other, "C-9")}, "id: is in clients[0] already",
		},
		"once by its id, once by the host's": {
			[]*mappingv1.ClientRecord{{Id: hosts, Name: "Cobalt"}, {ExternalId: "C-1", Name: "Cobalt Two"}}, "externalId: its client is in clients[0] already",
		},
		"once by the host's, once by its id": {
			[]*mappingv1.ClientRecord{{ExternalId: "C-1", Name: "Cobalt"}, record(hosts, "")}, "id: is in clients[0] already",
		},
	} {
		t.Run(name, func(t *testing.T) {
			results := b.upsert(c.records...)
			last := results[len(results)-1]
			require.Equal(t, "invalid", last.GetOutcome())
			require.Len(t, last.GetViolations(), 1)
			require.Equal(t, c.want, last.GetViolations()[0].GetField()+": "+last.GetViolations()[0].GetMessage())
			for _, r := range results[:len(results)-1] {
				require.Equal(t, "unchanged", r.GetOutcome())
			}
			require.Equal(t, before, b.contents())
		})
	}
}
