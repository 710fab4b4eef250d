package servicetest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	discoveryv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/discovery/v1"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
)

func (b *bundle) skip(managedTenantID string, version ...int64) (*mappingv1.SkipMappingResponse, error) {
	b.t.Helper()
	req := &mappingv1.SkipMappingRequest{ManagedTenantId: managedTenantID}
	if len(version) > 0 {
		req.Version = &version[0]
	}
	return b.mappings.SkipMapping(b.ctx(), req)
}

func (b *bundle) unmap(managedTenantID string, version ...int64) (*mappingv1.UnmapMappingResponse, error) {
	b.t.Helper()
	req := &mappingv1.UnmapMappingRequest{ManagedTenantId: managedTenantID}
	if len(version) > 0 {
		req.Version = &version[0]
	}
	return b.mappings.UnmapMapping(b.ctx(), req)
}

func (b *bundle) remap(managedTenantID, clientID string, version ...int64) (*mappingv1.RemapMappingResponse, error) {
	b.t.Helper()
	req := &mappingv1.RemapMappingRequest{ManagedTenantId: managedTenantID, TargetClientId: clientID}
	if len(version) > 0 {
		req.Version = &version[0]
	}
	return b.mappings.RemapMapping(b.ctx(), req)
}

// revised are the effects for links to follow, in their order: managed tenant,
// client, revision and Entra tenant.
func (b *bundle) revised() (all []string) {
	b.t.Helper()
	rows, err := b.db.Admin.Query(b.t.Context(), `SELECT concat_ws(' ', arguments->>'managed_tenant_id', arguments->>'client_id',
			arguments->>'revision', arguments->>'entra_tenant_id') FROM outbox WHERE kind = 'mapping_revised' ORDER BY number`)
	require.NoError(b.t, err)
	for rows.Next() {
		var one string
		require.NoError(b.t, rows.Scan(&one))
		all = append(all, one)
	}
	require.NoError(b.t, rows.Err())
	return all
}

func TestSkipUnmapAndRemapOneManagedTenant(t *testing.T) {
	t.Parallel()
	b, _ := setupWorking(t)
	tenants := b.discover("Acme", "acme.com", "Borealis", "borealis.io")
	clients := b.add("Acme", "acme.com", "Acme Two", "acme.net")
	acme, entra := tenants[0], b.entra(tenants[0])

	skipped, err := b.skip(acme)
	require.NoError(t, err)
	require.Equal(t, "skip_for_now", skipped.GetMapping().GetState())
	require.Equal(t, "person-1", skipped.GetMapping().GetDecidedBy())
	require.EqualValues(t, 1, skipped.GetVersion())
	require.Equal(t, "settled", skipped.GetEffects())
	require.Equal(t, `mapped:0 skipped:1 needs_review:0 create_new:0 undecided:1`, summaryText(skipped.GetSummary()))

	remapped, err := b.remap(acme, clients[0])
	require.NoError(t, err)
	require.Equal(t, clients[0], remapped.GetMapping().GetClientId())
	require.EqualValues(t, 2, remapped.GetVersion())
	require.Equal(t, entra, b.client(clients[0]).GetEntraTenantId())
	require.Empty(t, b.revised(), "nobody can have made links before")

	remapped, err = b.remap(acme, clients[1])
	require.NoError(t, err)
	require.Equal(t, "settled", remapped.GetEffects())
	require.Nil(t, b.client(clients[0]).EntraTenantId)
	require.Equal(t, "acme.com", b.client(clients[1]).GetEntraPrimaryDomain())

	unmapped, err := b.unmap(acme)
	require.NoError(t, err)
	require.Equal(t, clients[1], unmapped.GetMapping().GetClientId(), "the mapping that was ended")
	require.False(t, unmapped.GetMapping().GetActive())
	require.Equal(t, "person-1", unmapped.GetMapping().GetDeactivatedBy())
	require.EqualValues(t, 4, unmapped.GetVersion())
	require.Equal(t, `mapped:0 skipped:0 needs_review:0 create_new:0 undecided:2`, summaryText(unmapped.GetSummary()))
	require.Nil(t, b.client(clients[1]).EntraTenantId)
	none, err := b.internal.GetMappedTenant(b.ctx(), &mappingv1.GetMappedTenantRequest{ManagedTenantId: acme})
	require.NoError(t, err)
	require.Nil(t, none.GetTenant())

	_, err = b.remap(acme, clients[1])
	require.NoError(t, err)
	_, err = b.skip(acme)
	require.NoError(t, err)
	require.Equal(t, []string{
		fmt.Sprintf("%s %s 3 %s", acme, clients[1], entra), // remapped
		fmt.Sprintf("%s  4 %s", acme, entra),               // unmapped: a revision of its own
		fmt.Sprintf("%s %s 5 %s", acme, clients[1], entra), // mapped again
		fmt.Sprintf("%s  6 %s", acme, entra),               // skipped
	}, b.revised())
	var states []string
	for _, m := range b.history(acme) {
		states = append(states, strings.TrimSpace(m.GetState()+" "+m.GetClientName()))
	}
	require.Equal(t, []string{"skip_for_now", "mapped Acme Two", "mapped Acme Two", "mapped Acme", "skip_for_now"}, states)
}

func TestConfirmAndCreateNewWriteTheEffectToo(t *testing.T) {
	t.Parallel()
	b, _ := setupWorking(t)
	tenants := b.discover("Acme", "acme.com", "Borealis", "borealis.io")
	clients := b.add("Acme", "acme.com", "Acme Two", "acme.net")
	b.mustConfirm(decide(tenants[0], "map", clients[0]), decide(tenants[1], "map", clients[1]))
	require.Empty(t, b.revised())
	resp := b.mustConfirm(decide(tenants[0], "create_new"), decide(tenants[1], "map", clients[0]))
	require.Equal(t, "settled", resp.GetEffects())
	require.Len(t, b.revised(), 2)
	_, err := b.internal.CreateDecidedClients(b.ctx(), &mappingv1.CreateDecidedClientsRequest{RunId: uuid.NewString()})
	require.NoError(t, err)
	revised := b.revised()
	require.Len(t, revised, 3)
	require.Contains(t, revised[2], b.history(tenants[0])[0].GetClientId()+" 3 ")
}

func TestRepeatsOfSkipAndRemapChangeNothing(t *testing.T) {
	t.Parallel()
	b, _ := setupWorking(t)
	tenants, clients := b.discover("Acme", "acme.com"), b.add("Acme", "acme.com")
	_, err := b.remap(tenants[0], clients[0])
	require.NoError(t, err)
	before := b.contents()
	again, err := b.remap(tenants[0], clients[0])
	require.NoError(t, err)
	require.Equal(t, "settled", again.GetEffects())
	require.EqualValues(t, 1, again.GetVersion())
	require.Equal(t, clients[0], again.GetMapping().GetClientId())
	require.Equal(t, before, b.contents())
	first, err := b.skip(tenants[0])
	require.NoError(t, err)
	before = b.contents()
	second, err := b.skip(tenants[0])
	require.NoError(t, err)
	require.Equal(t, first.GetVersion(), second.GetVersion())
	require.Equal(t, first.GetMapping().GetDecidedAt().AsTime(), second.GetMapping().GetDecidedAt().AsTime())
	require.Equal(t, before, b.contents())
}

func TestRefusedChangesWriteNothing(t *testing.T) {
	t.Parallel()
	b, _ := setupWorking(t)
	tenants := b.discover("Acme", "acme.com", "Borealis", "borealis.io")
	clients := b.add("Acme", "acme.com", "Gone", "gone.example")
	b.upsert(&mappingv1.ClientRecord{ExternalId: b.client(clients[1]).GetExternalId(), Deleted: true})
	b.mustConfirm(decide(tenants[0], "map", clients[0]), decide(tenants[1], "skip"))
	before := b.contents()
	for name, c := range map[string]struct {
		call   func() error
		kind   errs.Kind
		reason string
	}{
		"skip an unknown tenant":  {func() error { _, err := b.skip(uuid.NewString()); return err }, errs.NotFound, "managed_tenant_not_found"},
		"skip a malformed id":     {func() error { _, err := b.skip("no id of ours"); return err }, errs.NotFound, "managed_tenant_not_found"},
		"skip a stale version":    {func() error { _, err := b.skip(tenants[0], 0); return err }, errs.Conflict, "stale_version"},
		"remap an unknown tenant": {func() error { _, err := b.remap(uuid.NewString(), clients[0]); return err }, errs.NotFound, "managed_tenant_not_found"},
		"remap to nobody":         {func() error { _, err := b.remap(tenants[0], uuid.NewString()); return err }, errs.NotFound, "client_not_found"},
		"remap to a deleted one":  {func() error { _, err := b.remap(tenants[0], clients[1]); return err }, errs.Conflict, "client_deleted"},
		"remap a stale version":   {func() error { _, err := b.remap(tenants[1], clients[0], 0); return err }, errs.Conflict, "stale_version"},
		"unmap what is skipped":   {func() error { _, err := b.unmap(tenants[1]); return err }, errs.NotFound, "not_mapped"},
		"unmap an unknown tenant": {func() error { _, err := b.unmap(uuid.NewString()); return err }, errs.NotFound, "not_mapped"},
		"unmap a stale version":   {func() error { _, err := b.unmap(tenants[0], 0); return err }, errs.Conflict, "stale_version"},
		"unmap a future version":  {func() error { _, err := b.unmap(tenants[0], 9); return err }, errs.Conflict, "stale_version"},
		"decide without orphans": {func() error {
			_, err := b.mappings.DecideOrphans(b.ctx(), &mappingv1.DecideOrphansRequest{ManagedTenantId: tenants[0], Decision: "leave"})
			return err
		}, errs.NotFound, "no_orphans"},
		"decide about a malformed id": {func() error {
			_, err := b.mappings.DecideOrphans(b.ctx(), &mappingv1.DecideOrphansRequest{ManagedTenantId: "no id of ours", Decision: "leave"})
			return err
		}, errs.NotFound, "no_orphans"},
	} {
		err := c.call()
		require.Equal(t, c.reason, errs.ReasonOf(err), name)
		require.Equal(t, c.kind, errs.KindOf(err), name)
		require.Equal(t, before, b.contents(), name)
	}
}

// TestAnotherMSPsIDsAreNotFoundByChanges: ids of one MSP mean nothing to another.
func TestAnotherMSPsIDsAreNotFoundByChanges(t *testing.T) {
	t.Parallel()
	b, _ := setupWorking(t)
	tenants, clients := b.discover("Acme", "acme.com"), b.add("Acme", "acme.com")
	b.mustConfirm(decide(tenants[0], "map", clients[0]))
	before := b.contents()
	other := as(t, "other")
	_, err := b.mappings.SkipMapping(other, &mappingv1.SkipMappingRequest{ManagedTenantId: tenants[0]})
	require.Equal(t, "managed_tenant_not_found", errs.ReasonOf(err))
	_, err = b.mappings.UnmapMapping(other, &mappingv1.UnmapMappingRequest{ManagedTenantId: tenants[0]})
	require.Equal(t, "not_mapped", errs.ReasonOf(err))
	_, err = b.mappings.DecideOrphans(other, &mappingv1.DecideOrphansRequest{ManagedTenantId: tenants[0], Decision: "leave"})
	require.Equal(t, "no_orphans", errs.ReasonOf(err))
	history, err := b.mappings.ListMappings(other, &mappingv1.ListMappingsRequest{ManagedTenantId: tenants[0], History: true})
	require.NoError(t, err)
	require.Empty(t, history.GetMappings())

	// Of a managed tenant of one's own, too, another's client cannot be had.
	theirs := newID()
	b.found.mu.Lock()
	b.found.tenants["other"] = []*discoveryv1.ManagedTenant{{ManagedTenantId: theirs, EntraTenantId: uuid.NewString(), DisplayName: "Theirs", State: "active"}}
	b.found.mu.Unlock()
	_, err = b.mappings.RemapMapping(other, &mappingv1.RemapMappingRequest{ManagedTenantId: theirs, TargetClientId: clients[0]})
	require.Equal(t, "client_not_found", errs.ReasonOf(err))
	external := b.client(clients[0]).GetExternalId()
	for _, named := range []string{clients[0] + ",", "," + external, clients[0] + "," + external} {
		wet := false
		_, err = b.mappings.ImportMappings(other, &mappingv1.ImportMappingsRequest{
			Csv: "managed_tenant_id,decision,client_id,client_external_id\n" + theirs + ",map," + named + "\n", DryRun: &wet,
		})
		require.Equal(t, "invalid_argument", errs.ReasonOf(err), named)
	}
	require.Equal(t, before, b.contents())
}

func TestOfTwoWhoConfirmAtOnceTheSecondIsToldWhatChanged(t *testing.T) {
	t.Parallel()
	b, _ := setupWorking(t)
	tenants := b.discover("Acme", "acme.com", "Borealis", "borealis.io", "Cobalt", "cobalt.io")
	clients := b.add("Acme", "acme.com")
	b.mustConfirm(decide(tenants[2], "map", clients[0]))
	seen := int64(1)
	_, err := b.unmap(tenants[2])
	require.NoError(t, err)
	b.mustConfirm(decide(tenants[0], "skip"))
	version := int64(3)
	var wait sync.WaitGroup
	results := make([]error, 8)
	for i := range results {
		wait.Go(func() {
			_, results[i] = b.mappings.ConfirmMappings(b.ctx(), &mappingv1.ConfirmMappingsRequest{
				Decisions: []*mappingv1.MappingDecision{decide(tenants[1], "skip"), decide(tenants[0], "map", clients[0])}, Version: &version,
			})
		})
	}
	wait.Wait()
	confirmed := 0
	for _, err := range results {
		if err == nil {
			confirmed++
			continue
		}
		require.Equal(t, "stale_version", errs.ReasonOf(err))
		require.Equal(t, []string{"version", "decisions[0].managedTenantId", "decisions[1].managedTenantId"}, violated(err))
	}
	require.Equal(t, 1, confirmed)

	// What somebody saw long ago: everything since, also about other managed tenants.
	_, err = b.skip(tenants[1], seen)
	e, _ := errors.AsType[*errs.Error](err)
	require.Equal(t, "stale_version", errs.ReasonOf(err))
	require.Equal(t, []string{"version", "managedTenantId", "version", "version"}, violated(err))
	require.Equal(t, "the mappings are at version 4", e.Violations()[0].Message)
	require.Regexp(t, `^is skip_for_now since 2026-03-01T09:\d\d:\d\dZ, decided by person-1$`, e.Violations()[1].Message)
	others := e.Violations()[2].Message + "\n" + e.Violations()[3].Message
	require.Contains(t, others, "managed tenant "+tenants[0]+" is mapped to ")
	require.Contains(t, others, "managed tenant "+tenants[2]+" is undecided since ")
}
