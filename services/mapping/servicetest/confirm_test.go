package servicetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/pgtest"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
)

func TestConfirmMapsAndWritesTheClientsColumns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenants := b.discover("Acme", "acme.com", "Borealis", "borealis.io", "Cobalt", "cobalt.io", "Delta", "delta.io", "Echo", "echo.io")
	clients := b.add("Acme Inc", "acme.com")
	resp := b.mustConfirm(decide(tenants[0], "map", clients[0]), decide(tenants[1], "skip"),
		decide(tenants[2], "review"), decide(tenants[3], "create_new"))
	require.EqualValues(t, 4, resp.GetConfirmed())
	require.EqualValues(t, 1, resp.GetVersion())
	require.Equal(t, `mapped:1 skipped:1 needs_review:1 create_new:1 undecided:1`, summaryText(resp.GetSummary()))
	require.Nil(t, resp.GetRun())
	require.Nil(t, resp.GetRunError())

	client := b.client(clients[0])
	require.Equal(t, b.entra(tenants[0]), client.GetEntraTenantId())
	require.Equal(t, "acme.com", client.GetEntraPrimaryDomain())
	require.Len(t, client.GetMappings(), 1)
	mapped := b.history(tenants[0])[0]
	require.Equal(t, "mapped", mapped.GetState())
	require.Equal(t, "person-1", mapped.GetDecidedBy())
	require.Equal(t, clients[0], mapped.GetClientId())
	require.Equal(t, "Acme Inc", mapped.GetClientName())
	require.InDelta(t, 1, mapped.GetScore(), 0)
	require.True(t, mapped.GetActive())
	summary, err := b.summary.GetMappingSummary(b.ctx(), &mappingv1.GetMappingSummaryRequest{})
	require.NoError(t, err)
	require.Equal(t, summaryText(resp.GetSummary()), summaryText(summary.GetSummary()))
}

func summaryText(s *mappingv1.MappingSummary) string {
	return fmt.Sprintf("mapped:%d skipped:%d needs_review:%d create_new:%d undecided:%d",
		s.GetMapped(), s.GetSkipped(), s.GetNeedsReview(), s.GetCreateNew(), s.GetUndecided())
}

func TestTheSameDecisionsAgainWriteNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenants := b.discover("Acme", "acme.com", "Borealis", "borealis.io")
	clients := b.add("Acme", "acme.com")
	decisions := []*mappingv1.MappingDecision{decide(tenants[0], "map", clients[0]), decide(tenants[1], "skip")}
	first := b.mustConfirm(decisions...)
	before := b.contents()
	again := b.mustConfirm(decisions...)
	require.Equal(t, first.GetVersion(), again.GetVersion())
	require.EqualValues(t, 2, again.GetConfirmed())
	require.Equal(t, before, b.contents())
}

func TestRemapKeepsHistoryAndMovesTheColumns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenants := b.discover("Acme", "acme.com", "Acme Labs", "labs.acme.com")
	clients := b.add("Acme", "acme.com", "Acme Two", "acme.net")
	b.mustConfirm(decide(tenants[0], "map", clients[0]))
	b.mustConfirm(decide(tenants[1], "map", clients[0]))
	require.Len(t, b.client(clients[0]).GetMappings(), 2, "several managed tenants may map to one client")
	require.Equal(t, "acme.com", b.client(clients[0]).GetEntraPrimaryDomain(), "the earliest")

	b.mustConfirm(decide(tenants[0], "map", clients[1]))
	require.Equal(t, "labs.acme.com", b.client(clients[0]).GetEntraPrimaryDomain(), "the earliest that is left")
	require.Equal(t, "acme.com", b.client(clients[1]).GetEntraPrimaryDomain())
	b.mustConfirm(decide(tenants[1], "skip"))
	require.Nil(t, b.client(clients[0]).EntraTenantId)

	history := b.history(tenants[0])
	require.Len(t, history, 2)
	require.True(t, history[0].GetActive())
	require.Equal(t, clients[1], history[0].GetClientId())
	require.False(t, history[1].GetActive())
	require.Equal(t, clients[0], history[1].GetClientId())
	require.Equal(t, "person-1", history[1].GetDeactivatedBy())
	require.NotNil(t, history[1].GetDeactivatedAt())
	active, err := b.mappings.ListMappings(b.ctx(), &mappingv1.ListMappingsRequest{ManagedTenantId: tenants[0]})
	require.NoError(t, err)
	require.Len(t, active.GetMappings(), 1)
}

func TestConfirmRefusesWithEveryConflictAndWritesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenants := b.discover("Acme", "acme.com", "Borealis", "borealis.io", "Cobalt", "cobalt.io")
	clients := b.add("Acme", "acme.com", "Gone", "gone.example")
	b.upsert(&mappingv1.ClientRecord{ExternalId: b.client(clients[1]).GetExternalId(), Deleted: true})
	before := b.contents()
	refused := func(kind errs.Kind, reason string, fields []string, version *int64, decisions ...*mappingv1.MappingDecision) {
		t.Helper()
		_, err := b.mappings.ConfirmMappings(b.ctx(), &mappingv1.ConfirmMappingsRequest{Decisions: decisions, Version: version, StartInitialSync: true})
		require.Equal(t, reason, errs.ReasonOf(err))
		require.Equal(t, kind, errs.KindOf(err))
		e, _ := errors.AsType[*errs.Error](err)
		var got []string
		for _, v := range e.Violations() {
			got = append(got, v.Field)
		}
		require.Equal(t, fields, got)
		require.Equal(t, before, b.contents())
	}
	stale := int64(7)
	refused(errs.Invalid, "invalid_argument", []string{
		"decisions[0].managedTenantId", "decisions[1].clientId", "decisions[2].clientId", "decisions[3].clientId",
		"decisions[4].clientId", "decisions[5].managedTenantId", "decisions[4].managedTenantId", "version",
	}, &stale,
		decide(uuid.NewString(), "skip"),         // unknown managed tenant
		decide(tenants[0], "map"),                // without a client
		decide(tenants[1], "create_new", "some"), // with one
		decide(tenants[2], "map", uuid.NewString()),
		decide(tenants[2], "map", clients[1]), // a deleted client, and the tenant twice
		decide("no id of ours", "skip"))
	refused(errs.Conflict, "mapping_conflict", []string{"decisions[1].managedTenantId"}, nil,
		decide(tenants[0], "map", clients[0]), decide(tenants[0], "skip"))
	refused(errs.Conflict, "stale_version", []string{"version"}, &stale, decide(tenants[0], "map", clients[0]))
}

func TestAStaleVersionTellsWhatWasDecidedInBetween(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenants := b.discover("Acme", "acme.com", "Borealis", "borealis.io")
	clients := b.add("Acme", "acme.com")
	preview, err := b.mappings.GetMappingPreview(b.ctx(), &mappingv1.GetMappingPreviewRequest{})
	require.NoError(t, err)
	version := preview.GetVersion()
	b.mustConfirm(decide(tenants[0], "skip"))
	_, err = b.mappings.ConfirmMappings(b.ctx(), &mappingv1.ConfirmMappingsRequest{
		Decisions: []*mappingv1.MappingDecision{decide(tenants[1], "skip"), decide(tenants[0], "map", clients[0])}, Version: &version,
	})
	require.Equal(t, "stale_version", errs.ReasonOf(err))
	e, _ := errors.AsType[*errs.Error](err)
	require.Len(t, e.Violations(), 2)
	require.Equal(t, "decisions[1].managedTenantId", e.Violations()[1].Field)
}

// TestAStaleVersionNamesTheClientInForce: two people who remap one managed tenant
// would not see from a name or a time alone that the other chose another client.
func TestAStaleVersionNamesTheClientInForce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenants := b.discover("Acme", "acme.com", "Borealis", "borealis.io")
	clients := b.add("Acme", "a.io", "Acme", "b.io")
	version := b.mustConfirm(decide(tenants[0], "map", clients[0]), decide(tenants[1], "map", clients[0])).GetVersion()
	b.mustConfirm(decide(tenants[0], "map", clients[1]), decide(tenants[1], "map", clients[1]))
	_, err := b.mappings.ConfirmMappings(b.ctx(), &mappingv1.ConfirmMappingsRequest{
		Decisions: []*mappingv1.MappingDecision{decide(tenants[0], "map", clients[0])}, Version: &version,
	})
	e, _ := errors.AsType[*errs.Error](err)
	require.Len(t, e.Violations(), 3)
	const when = ` since 2026-03-01T09:\d\d:\d\dZ, decided by person-1$`
	require.Equal(t, "decisions[0].managedTenantId", e.Violations()[1].Field)
	require.Regexp(t, `^is mapped to "Acme" \(client `+clients[1]+`\)`+when, e.Violations()[1].Message)
	require.Equal(t, "version", e.Violations()[2].Field)
	require.Regexp(t, `^managed tenant `+tenants[1]+` is mapped to "Acme" \(client `+clients[1]+`\)`+when, e.Violations()[2].Message)
}

// TestAStaleVersionListsEveryConflictOfItsDecisions, however many; of what it does not
// decide, it lists some and counts the rest.
func TestAStaleVersionListsEveryConflictOfItsDecisions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const ours, others = 300, 250
	var all []string
	for i := range ours + others {
		all = append(all, b.discover(fmt.Sprintf("Tenant %03d", i), "a.example")[0])
	}
	stale := int64(0)
	var before, after []*mappingv1.MappingDecision
	for i, id := range all {
		before = append(before, decide(id, "skip"))
		if i < ours {
			after = append(after, decide(id, "review"))
		}
	}
	b.mustConfirm(before...)
	_, err := b.mappings.ConfirmMappings(b.ctx(), &mappingv1.ConfirmMappingsRequest{Decisions: after, Version: &stale})
	require.Equal(t, "stale_version", errs.ReasonOf(err))
	e, _ := errors.AsType[*errs.Error](err)
	fields := map[string]int{}
	for _, v := range e.Violations() {
		fields[v.Field]++
	}
	for i := range ours {
		require.Equal(t, 1, fields[fmt.Sprintf("decisions[%d].managedTenantId", i)], i)
	}
	require.Equal(t, 1+200+1, fields["version"], "the version, as many others as are listed, and the count")
	require.Equal(t, "and 50 more managed tenants", e.Violations()[len(e.Violations())-1].Message)
}

func TestAnotherTenantsIDsAreUnknown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenants := b.discover("Acme", "acme.com")
	clients := b.add("Acme", "acme.com")
	b.mustConfirm(decide(tenants[0], "map", clients[0]))
	other := as(t, "other")
	_, err := b.clients.GetClient(other, &mappingv1.GetClientRequest{Id: clients[0]})
	require.Equal(t, errs.NotFound, errs.KindOf(err))
	list, err := b.clients.ListClients(other, &mappingv1.ListClientsRequest{})
	require.NoError(t, err)
	require.Empty(t, list.GetClients())
	_, err = b.mappings.ConfirmMappings(other, &mappingv1.ConfirmMappingsRequest{
		Decisions: []*mappingv1.MappingDecision{decide(tenants[0], "map", clients[0])},
	})
	require.Equal(t, errs.Invalid, errs.KindOf(err))
	resolved, err := b.internal.ResolveClients(other, &mappingv1.ResolveClientsRequest{ClientIds: clients})
	require.NoError(t, err)
	require.Empty(t, resolved.GetClients())
}

func TestStartInitialSync(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		outcome string
		result  map[string]string
		runID   string
		code    string
	}{
		"started": {"done", map[string]string{"run_id": "r-1", "workflow_id": "w-1", "joined": "true"}, "r-1", ""},
		"refused": {"failed", map[string]string{"error": "orchestrator_unavailable"}, "", "orchestrator_unavailable"},
		"unsaid":  {"failed", nil, "", "start_failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			tenants, clients := b.discover("Acme", "acme.com"), b.add("Acme", "acme.com")
			answered := make(chan error, 1)
			go func() { answered <- b.answerEffect(c.outcome, c.result) }()
			resp, err := b.mappings.ConfirmMappings(b.ctx(), &mappingv1.ConfirmMappingsRequest{
				Decisions: []*mappingv1.MappingDecision{decide(tenants[0], "map", clients[0])}, StartInitialSync: true,
			})
			require.NoError(t, err)
			require.NoError(t, <-answered)
			require.Equal(t, c.runID, resp.GetRun().GetRunId())
			require.Equal(t, c.code, resp.GetRunError().GetCode())
			require.Equal(t, "mapped", b.history(tenants[0])[0].GetState(), "the confirm stands")
		})
	}
}

// answerEffect is the worker: it pulls the one effect and answers it, twice.
func (b *bundle) answerEffect(outcome string, result map[string]string) error {
	pulled, err := b.effects.PullEffects(b.t.Context(), &orchestrationv1.PullEffectsRequest{MaxEffects: 10, WaitSeconds: 20})
	if err != nil {
		return err
	}
	if len(pulled.GetEffects()) != 1 || pulled.GetEffects()[0].GetKind() != "start_initial_sync" || pulled.GetEffects()[0].GetTenantId() != "msp" {
		return errors.New("not the one effect")
	}
	ack := &orchestrationv1.AckEffectRequest{EffectId: pulled.GetEffects()[0].GetEffectId(), Outcome: outcome, Result: result}
	for range 2 { // the same answer again changes nothing
		if _, err := b.effects.AckEffect(b.ctx(), ack); err != nil {
			return err
		}
	}
	return nil
}

func TestInitialSyncNeedsSomethingToSync(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenants := b.discover("Acme", "acme.com")
	resp, err := b.mappings.ConfirmMappings(b.ctx(), &mappingv1.ConfirmMappingsRequest{
		Decisions: []*mappingv1.MappingDecision{decide(tenants[0], "skip")}, StartInitialSync: true,
	})
	require.NoError(t, err)
	require.Equal(t, "no_confirmed_mapping", resp.GetRunError().GetCode())
	require.Equal(t, "skip_for_now", b.history(tenants[0])[0].GetState())
}

func TestCreateNewMakesTheClientOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenants := b.discover("Acme", "acme.com", "Borealis", "borealis.io")
	b.mustConfirm(decide(tenants[0], "create_new"), decide(tenants[1], "skip"))
	toCreate := func() []*mappingv1.MappedTenant {
		t.Helper()
		list, err := b.internal.ListMappedTenants(b.ctx(), &mappingv1.ListMappedTenantsRequest{CreateNew: true})
		require.NoError(t, err)
		return list.GetTenants()
	}
	require.Len(t, toCreate(), 1)
	require.Equal(t, tenants[0], toCreate()[0].GetManagedTenantId())
	require.Empty(t, toCreate()[0].GetClientId())
	run := uuid.NewString()
	for range 2 {
		resp, err := b.internal.CreateDecidedClients(b.ctx(), &mappingv1.CreateDecidedClientsRequest{RunId: run})
		require.NoError(t, err)
		require.EqualValues(t, 1, resp.GetCreated(), "this run, in all")
	}
	other, err := b.internal.CreateDecidedClients(b.ctx(), &mappingv1.CreateDecidedClientsRequest{RunId: uuid.NewString()})
	require.NoError(t, err)
	require.Zero(t, other.GetCreated())
	require.Empty(t, toCreate())
	list, err := b.clients.ListClients(b.ctx(), &mappingv1.ListClientsRequest{})
	require.NoError(t, err)
	require.Len(t, list.GetClients(), 1)
	client := list.GetClients()[0]
	require.Equal(t, "Acme", client.GetName())
	require.Equal(t, "acme.com", client.GetDomain())
	require.Empty(t, client.GetExternalId())
	require.Equal(t, b.entra(tenants[0]), client.GetEntraTenantId())
	history := b.history(tenants[0])
	require.Equal(t, "mapped", history[0].GetState())
	require.Equal(t, "person-1", history[0].GetDecidedBy())
	require.Equal(t, "create_new", history[1].GetState())
	found, err := b.clients.ListClients(b.ctx(), &mappingv1.ListClientsRequest{Q: "www.acme.com"})
	require.NoError(t, err)
	require.Len(t, found.GetClients(), 1, "it is found by its domain")
}

// TestAClientIsMadeByTheNameThatWasLearnt last.
func TestAClientIsMadeByTheNameThatWasLearnt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenant := b.discover("Acme", "acme.com")[0]
	b.mustConfirm(decide(tenant, "create_new"))
	b.found.mu.Lock()
	b.found.tenants["msp"][0].DisplayName = "Acme Group"
	b.found.mu.Unlock()
	b.mustConfirm(decide(tenant, "create_new"))
	_, err := b.internal.CreateDecidedClients(b.ctx(), &mappingv1.CreateDecidedClientsRequest{RunId: uuid.NewString()})
	require.NoError(t, err)
	require.Equal(t, "Acme Group", b.client(b.history(tenant)[0].GetClientId()).GetName())
}

func TestMappedTenantsInOrderOfConfirmation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenants := b.discover("C", "c.io", "B", "b.io", "A", "a.io")
	clients := b.add("One", "one.io", "Two", "two.io")
	b.mustConfirm(decide(tenants[0], "map", clients[0]))
	b.mustConfirm(decide(tenants[1], "map", clients[1]))
	b.mustConfirm(decide(tenants[2], "map", clients[0]))
	b.mustConfirm(decide(tenants[0], "map", clients[1])) // now the last
	list := func(clientID string) (ids []string) {
		req := &mappingv1.ListMappedTenantsRequest{PageSize: 1, ClientId: clientID}
		for {
			resp, err := b.internal.ListMappedTenants(b.ctx(), req)
			require.NoError(t, err)
			for _, m := range resp.GetTenants() {
				ids = append(ids, m.GetManagedTenantId())
			}
			if req.PageToken = resp.GetNextPageToken(); req.GetPageToken() == "" {
				return ids
			}
		}
	}
	require.Equal(t, []string{tenants[1], tenants[2], tenants[0]}, list(""))
	require.Equal(t, []string{tenants[1], tenants[0]}, list(clients[1]))
	require.Empty(t, list("no id of ours"))
	one, err := b.internal.GetMappedTenant(b.ctx(), &mappingv1.GetMappedTenantRequest{ManagedTenantId: tenants[0]})
	require.NoError(t, err)
	require.EqualValues(t, 2, one.GetTenant().GetRevision())
	require.Equal(t, clients[1], one.GetTenant().GetClientId())
	none, err := b.internal.GetMappedTenant(b.ctx(), &mappingv1.GetMappedTenantRequest{ManagedTenantId: uuid.NewString()})
	require.NoError(t, err)
	require.Nil(t, none.GetTenant())
}

// TestAManagedTenantMayHaveToExist: whoever reads its mapping can tell one that is not mapped from an
// id that no managed tenant has. Discovery is asked only then.
func TestAManagedTenantMayHaveToExist(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenants, clients := b.discover("A", "a.example", "B", "b.example", "C", "c.example"), b.add("Shared", "")
	b.mustConfirm(decide(tenants[0], "map", clients[0]), decide(tenants[1], "skip"))
	find := func(id string, mustExist bool) (*mappingv1.MappedTenant, error) {
		answer, err := b.internal.GetMappedTenant(b.ctx(), &mappingv1.GetMappedTenantRequest{ManagedTenantId: id, MustExist: mustExist})
		return answer.GetTenant(), err
	}
	for _, known := range tenants[1:] {
		none, err := find(known, true)
		require.NoError(t, err)
		require.Nil(t, none)
	}
	for _, unknown := range []string{uuid.NewString(), "no id of ours"} {
		_, err := find(unknown, true)
		require.Equal(t, errs.NotFound, errs.KindOf(err))
		require.Equal(t, "managed_tenant_not_found", errs.ReasonOf(err))
	}

	b.found.fail(errs.Of(reason.Unavailable))
	_, err := find(tenants[1], true)
	require.Equal(t, errs.Unavailable, errs.KindOf(err))
	one, err := find(tenants[0], true)
	require.NoError(t, err)
	require.Equal(t, clients[0], one.GetClientId())
	none, err := find(uuid.NewString(), false)
	require.NoError(t, err)
	require.Nil(t, none)
}

func TestTenantsAreKeptApart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenants, clients := b.discover("Acme", "acme.com"), b.add("Acme", "acme.com")
	answered := make(chan error, 1)
	go func() { answered <- b.answerEffect("done", map[string]string{"run_id": "r"}) }()
	_, err := b.mappings.ConfirmMappings(b.ctx(), &mappingv1.ConfirmMappingsRequest{
		Decisions: []*mappingv1.MappingDecision{decide(tenants[0], "map", clients[0])}, StartInitialSync: true,
	})
	require.NoError(t, err)
	require.NoError(t, <-answered)
	pgtest.TenantTables(t, b.db, "mapping", "entra_orphans", "entra_orphan_decisions")
}

// TestARepeatedDecisionLearnsNameAndDomain: a tenant that was mapped before its domain
// was known, or renamed since, tells it once the same is decided again, in each of the
// ways to decide, and nothing else changes.
func TestARepeatedDecisionLearnsNameAndDomain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenant, client := b.discover("A", "a.io")[0], b.add("One", "one.io")[0]
	knows := func(name, domain string) {
		b.found.mu.Lock()
		defer b.found.mu.Unlock()
		b.found.tenants["msp"][0].DisplayName, b.found.tenants["msp"][0].PrimaryDomain = name, domain
	}
	knows("A", "")
	version := b.mustConfirm(decide(tenant, "map", client)).GetVersion()
	require.Empty(t, b.client(client).GetEntraPrimaryDomain())
	for domain, again := range map[string]func() (int64, error){
		"confirmed.io": func() (int64, error) {
			resp, err := b.confirm(decide(tenant, "map", client))
			return resp.GetVersion(), err
		},
		"remapped.io": func() (int64, error) {
			resp, err := b.mappings.RemapMapping(b.ctx(), &mappingv1.RemapMappingRequest{ManagedTenantId: tenant, TargetClientId: client})
			return resp.GetVersion(), err
		},
		"imported.io": func() (int64, error) {
			resp, err := b.imports("managed_tenant_id,decision,client_id\n"+tenant+",map,"+client+"\n", false)
			return resp.GetVersion(), err
		},
	} {
		knows("Änne "+domain, domain)
		now, err := again()
		require.NoError(t, err)
		require.Equal(t, version, now, "nobody decided anything")
		require.Equal(t, domain, b.client(client).GetEntraPrimaryDomain())
		require.Len(t, b.history(tenant), 1)
		require.Equal(t, "Änne "+domain, b.history(tenant)[0].GetDisplayName())
		require.Equal(t, "Änne "+domain, b.client(client).GetMappings()[0].GetDisplayName())
		found, err := b.mappings.ListMappings(b.ctx(), &mappingv1.ListMappingsRequest{Q: "anne " + domain})
		require.NoError(t, err)
		require.Len(t, found.GetMappings(), 1, "it is found by its new name")
		knows("", "")
		_, err = b.confirm(decide(tenant, "map", client))
		require.NoError(t, err)
		require.Equal(t, domain, b.client(client).GetEntraPrimaryDomain(), "what is not known now does not erase it")
		require.Equal(t, "Änne "+domain, b.history(tenant)[0].GetDisplayName())
	}
}
