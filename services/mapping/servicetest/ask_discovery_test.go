package servicetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
)

// TestAChangeAsksDiscoveryForWhatItConcernsAlone: the thousands of managed tenants of
// a large provider are not read for one of them, nor to be counted.
func TestAChangeAsksDiscoveryForWhatItConcernsAlone(t *testing.T) {
	t.Parallel()
	b, _ := setupWorking(t)
	tenants := b.discover("A", "a.io", "B", "b.io", "C", "c.io", "D", "d.io", "Gone", "gone.io")
	clients := b.add("One", "one.io", "Two", "two.io")
	b.found.mu.Lock()
	b.found.tenants["msp"][4].State = "gone"
	b.found.mu.Unlock()
	asked := func() [][]string {
		b.found.mu.Lock()
		defer b.found.mu.Unlock()
		all := b.found.streamed
		b.found.streamed = nil
		return all
	}
	confirmed := b.mustConfirm(decide(tenants[0], "map", clients[0]), decide(tenants[1], "skip"))
	require.Equal(t, [][]string{{tenants[0], tenants[1]}}, asked())
	require.Equal(t, `mapped:1 skipped:1 needs_review:0 create_new:0 undecided:2`, summaryText(confirmed.GetSummary()))
	skipped, err := b.skip(tenants[2])
	require.NoError(t, err)
	require.Equal(t, [][]string{{tenants[2]}}, asked())
	require.Equal(t, `mapped:1 skipped:2 needs_review:0 create_new:0 undecided:1`, summaryText(skipped.GetSummary()))
	remapped, err := b.remap(tenants[0], clients[1])
	require.NoError(t, err)
	require.Equal(t, [][]string{{tenants[0]}}, asked())
	require.Equal(t, `mapped:1 skipped:2 needs_review:0 create_new:0 undecided:1`, summaryText(remapped.GetSummary()))
	unmapped, err := b.unmap(tenants[0])
	require.NoError(t, err)
	require.Empty(t, asked())
	require.Equal(t, `mapped:0 skipped:2 needs_review:0 create_new:0 undecided:2`, summaryText(unmapped.GetSummary()))
	b.mustConfirm(decide(tenants[4], "review"))
	asked()
	summary, err := b.summary.GetMappingSummary(b.ctx(), &mappingv1.GetMappingSummaryRequest{})
	require.NoError(t, err)
	require.Empty(t, asked())
	require.Equal(t, `mapped:0 skipped:2 needs_review:1 create_new:0 undecided:2`, summaryText(summary.GetSummary()))
	csv := "managed_tenant_id,decision\n" + tenants[3] + ",skip\n"
	for _, dryRun := range []bool{true, false} {
		imported, err := b.imports(csv, dryRun)
		require.NoError(t, err)
		require.Equal(t, [][]string{{tenants[3]}}, asked())
		require.Equal(t, `mapped:0 skipped:3 needs_review:1 create_new:0 undecided:1`, summaryText(imported.GetSummary()))
	}
}

// TestAMappingEndsWhileDiscoveryIsDown: nothing that discovery knows is needed for it,
// but to count what is undecided, and that is left out.
func TestAMappingEndsWhileDiscoveryIsDown(t *testing.T) {
	t.Parallel()
	b, _ := setupWorking(t)
	tenant, client := b.discover("A", "a.io")[0], b.add("One", "one.io")[0]
	b.mustConfirm(decide(tenant, "map", client))
	b.found.fail(errs.New(errs.Unavailable, "down", "Down."))
	unmapped, err := b.unmap(tenant)
	require.NoError(t, err)
	require.Nil(t, unmapped.GetSummary())
	require.False(t, unmapped.GetMapping().GetActive())
	require.Equal(t, "settled", unmapped.GetEffects())
	require.Empty(t, b.client(client).GetMappings())
	_, err = b.skip(tenant)
	require.Equal(t, errs.Unavailable, errs.KindOf(err), "what is decided anew must be a managed tenant")
	_, err = b.summary.GetMappingSummary(b.ctx(), &mappingv1.GetMappingSummaryRequest{})
	require.Equal(t, errs.Unavailable, errs.KindOf(err))
}
