package servicetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/pkg/errs"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
)

// broken counts what must never be: two active decisions about one managed
// tenant, a client whose columns are not those of its earliest active mapping,
// a decision without a revision of its own, an end without a who and when, and an
// end that nothing followed and that is no unmap.
const broken = `
	SELECT (SELECT count(*) FROM (SELECT 1 FROM entra_client_tenant_mappings WHERE deactivated_at IS NULL
	                              GROUP BY tenant_id, managed_tenant_id HAVING count(*) > 1) twice),
	       (SELECT count(*) FROM clients c
	        LEFT JOIN LATERAL (SELECT m.entra_tenant_id, m.primary_domain FROM entra_client_tenant_mappings m
	                           WHERE m.tenant_id = c.tenant_id AND m.client_id = c.id AND m.deactivated_at IS NULL
	                           ORDER BY m.decided_at, m.id LIMIT 1) first ON true
	        WHERE (c.entra_tenant_id, c.entra_primary_domain) IS DISTINCT FROM (first.entra_tenant_id, first.primary_domain)),
	       (SELECT count(*) FROM (SELECT 1 FROM (SELECT managed_tenant_id, revision FROM entra_client_tenant_mappings
	                                             UNION ALL
	                                             SELECT managed_tenant_id, ended_revision FROM entra_client_tenant_mappings
	                                             WHERE ended_revision IS NOT NULL) taken
	                              GROUP BY managed_tenant_id HAVING count(*) <> max(revision) OR count(DISTINCT revision) <> count(*)) gaps),
	       (SELECT count(*) FROM entra_client_tenant_mappings m
	        WHERE m.deactivated_at IS NOT NULL AND m.ended_revision IS NULL
	          AND NOT EXISTS (SELECT FROM entra_client_tenant_mappings n WHERE n.managed_tenant_id = m.managed_tenant_id
	                          AND n.revision = m.revision + 1 AND n.decided_at = m.deactivated_at))`

// sequence is a mapping service with a model of it: what is decided about each
// managed tenant, and all that was decided before.
type sequence struct {
	*bundle
	tenants, clients []string
	version          int64
	now              map[string]string   // state and client by managed tenant; none when undecided
	history          map[string][]string // the newest first
	mappedBefore     map[string]bool
	effects          []string // managed tenant and client, in order
}

func (s *sequence) decided(managedTenantID, state, clientID string) {
	before := s.now[managedTenantID]
	after := strings.TrimSpace(state + " " + clientID)
	if before == after {
		return
	}
	if owner(before) != clientID && s.mappedBefore[managedTenantID] {
		s.effects = append(s.effects, managedTenantID+" "+clientID)
	}
	s.now[managedTenantID] = after
	s.mappedBefore[managedTenantID] = s.mappedBefore[managedTenantID] || clientID != ""
	if state == "" {
		delete(s.now, managedTenantID)
		return
	}
	s.history[managedTenantID] = append([]string{after}, s.history[managedTenantID]...)
}

// contents is all that is stored, once what the last change causes elsewhere has
// settled: on a slow machine that may take longer than a change waits for it.
func (s *sequence) contents() string {
	s.t.Helper()
	require.EventuallyWithT(s.t, func(c *assert.CollectT) {
		var open int
		assert.NoError(c, s.db.Admin.QueryRow(s.t.Context(), "SELECT count(*) FROM outbox WHERE done_at IS NULL").Scan(&open))
		assert.Zero(c, open)
	}, time.Minute, 10*time.Millisecond)
	return s.bundle.contents()
}

func owner(decided string) string {
	_, client, _ := strings.Cut(decided, " ")
	return client
}

var decidedStates = map[string]string{"map": "mapped", "skip": "skip_for_now", "review": "needs_review", "create_new": "create_new"}

// draw is a random list of decisions, at most one about each managed tenant.
func (s *sequence) draw(t *rapid.T) (decisions []*mappingv1.MappingDecision) {
	for _, id := range s.tenants {
		kind := rapid.SampledFrom([]string{"", "", "map", "map", "skip", "review", "create_new"}).Draw(t, "kind")
		if kind == "" {
			continue
		}
		d := decide(id, kind)
		if kind == "map" {
			d.ClientId = new(rapid.SampledFrom(s.clients).Draw(t, "client"))
		}
		decisions = append(decisions, d)
	}
	return decisions
}

// apply notes decisions in the model and tells whether any changes something.
func (s *sequence) apply(decisions []*mappingv1.MappingDecision) (changes bool) {
	for _, d := range decisions {
		state := decidedStates[d.GetDecision()]
		changes = changes || s.now[d.GetManagedTenantId()] != strings.TrimSpace(state+" "+d.GetClientId())
		s.decided(d.GetManagedTenantId(), state, d.GetClientId())
	}
	return changes
}

func (s *sequence) raise(changes bool, version int64, t *rapid.T) {
	if changes {
		s.version++
	}
	require.Equal(t, s.version, version, "a version for each change, and none without")
}

func (s *sequence) confirm(t *rapid.T) {
	decisions := s.draw(t)
	if len(decisions) == 0 {
		return
	}
	resp := s.mustConfirm(decisions...)
	s.raise(s.apply(decisions), resp.GetVersion(), t)
	before := s.contents()
	s.raise(false, s.mustConfirm(decisions...).GetVersion(), t)
	require.Equal(t, before, s.contents(), "the same again changes nothing")
}

func (s *sequence) importCSV(t *rapid.T) {
	decisions := s.draw(t)
	lines := []string{"decision;note;client_id;managed_tenant_id"}
	for _, d := range decisions {
		lines = append(lines, fmt.Sprintf("%s;=1;%s;%s", d.GetDecision(), d.GetClientId(), strings.ToUpper(d.GetManagedTenantId())))
	}
	req := &mappingv1.ImportMappingsRequest{Csv: strings.Join(lines, "\n")}
	before := s.contents()
	rehearsed, err := s.mappings.ImportMappings(s.ctx(), req)
	require.NoError(t, err)
	require.Equal(t, before, s.contents(), "a dry run writes nothing")
	req.DryRun = new(bool)
	imported, err := s.mappings.ImportMappings(s.ctx(), req)
	require.NoError(t, err)
	require.Equal(t, rehearsed.GetChanged(), imported.GetChanged())
	require.Equal(t, summaryText(rehearsed.GetSummary()), summaryText(imported.GetSummary()))
	s.raise(s.apply(decisions), imported.GetVersion(), t)
}

func (s *sequence) skipOne(t *rapid.T) {
	id := rapid.SampledFrom(s.tenants).Draw(t, "tenant")
	resp, err := s.skip(id)
	require.NoError(t, err)
	s.raise(s.apply([]*mappingv1.MappingDecision{decide(id, "skip")}), resp.GetVersion(), t)
}

func (s *sequence) remapOne(t *rapid.T) {
	id, client := rapid.SampledFrom(s.tenants).Draw(t, "tenant"), rapid.SampledFrom(s.clients).Draw(t, "client")
	resp, err := s.remap(id, client)
	require.NoError(t, err)
	s.raise(s.apply([]*mappingv1.MappingDecision{decide(id, "map", client)}), resp.GetVersion(), t)
}

func (s *sequence) unmapOne(t *rapid.T) {
	id := rapid.SampledFrom(s.tenants).Draw(t, "tenant")
	before := s.contents()
	resp, err := s.unmap(id)
	if owner(s.now[id]) == "" {
		require.Equal(t, "not_mapped", errs.ReasonOf(err))
		require.Equal(t, before, s.contents())
		return
	}
	require.NoError(t, err)
	s.decided(id, "", "")
	s.raise(true, resp.GetVersion(), t)
}

func (s *sequence) createDecided(t *rapid.T) {
	run := &mappingv1.CreateDecidedClientsRequest{RunId: uuid.NewString()}
	made, err := s.internal.CreateDecidedClients(s.ctx(), run)
	require.NoError(t, err)
	again, err := s.internal.CreateDecidedClients(s.ctx(), run)
	require.NoError(t, err)
	require.Equal(t, made.GetCreated(), again.GetCreated())
	var wanted int32
	for _, id := range s.tenants {
		if s.now[id] == "create_new" {
			wanted++
			resp, err := s.mappings.ListMappings(s.ctx(), &mappingv1.ListMappingsRequest{ManagedTenantId: id})
			require.NoError(t, err)
			s.decided(id, "mapped", resp.GetMappings()[0].GetClientId())
		}
	}
	require.Equal(t, wanted, made.GetCreated())
	if wanted > 0 {
		s.version++
	}
}

// holds compares what is stored with the model.
func (s *sequence) holds(t *rapid.T) {
	var twice, columns, gaps, ends int
	require.NoError(t, s.db.Admin.QueryRow(s.t.Context(), broken).Scan(&twice, &columns, &gaps, &ends))
	require.Equal(t, []int{0, 0, 0, 0}, []int{twice, columns, gaps, ends})
	stored := map[string]string{}
	for _, id := range s.tenants {
		var past []string
		for i, m := range s.bundle.history(id) {
			text := strings.TrimSpace(m.GetState() + " " + m.GetClientId())
			require.Equal(t, "person-1", m.GetDecidedBy())
			require.Equal(t, !m.GetActive(), m.GetDeactivatedBy() == "person-1" && m.GetDeactivatedAt() != nil)
			if m.GetActive() {
				require.Zero(t, i)
				stored[id] = text
			}
			past = append(past, text)
		}
		require.Equal(t, s.history[id], past)
	}
	require.Equal(t, s.now, stored)
	var told []string
	for _, effect := range s.revised() {
		parts := strings.Split(effect, " ")
		if slices.Contains(s.tenants, parts[0]) {
			told = append(told, parts[0]+" "+parts[1])
		}
	}
	// Those of one change stand in no order of ours.
	require.ElementsMatch(t, s.effects, told)
}

// TestAnySequenceOfDecisions does at random what people, spreadsheets and runs do
// and compares what is stored with the model after each step.
func TestAnySequenceOfDecisions(t *testing.T) {
	t.Parallel()
	b, _ := setupWorking(t)
	rapid.Check(t, func(r *rapid.T) {
		// Each sequence has managed tenants of its own; what the one before left to be
		// created is created first.
		_, err := b.internal.CreateDecidedClients(b.ctx(), &mappingv1.CreateDecidedClientsRequest{RunId: uuid.NewString()})
		require.NoError(r, err)
		preview, err := b.mappings.GetMappingPreview(b.ctx(), &mappingv1.GetMappingPreviewRequest{})
		require.NoError(r, err)
		s := &sequence{
			version: preview.GetVersion(),
			bundle:  b, tenants: b.discover("A", "a.io", "B", "b.io", "C", "c.io"), clients: b.add("One", "a.io", "Two", "b.io"),
			now: map[string]string{}, history: map[string][]string{}, mappedBefore: map[string]bool{},
		}
		r.Repeat(map[string]func(*rapid.T){
			"confirm": s.confirm, "import": s.importCSV, "skip": s.skipOne, "remap": s.remapOne, "unmap": s.unmapOne,
			"create": s.createDecided, "": s.holds,
		})
	})
}
