package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/tenant"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
)

// TestWhatCannotBeLeasedHoldsUpNoOther: what is wrong with one tenant's rows, the
// oldest, is no reason to leave the others' lying; those who pull ask for few.
func TestWhatCannotBeLeasedHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	for kinds, pull := range map[string]func(b *bundle, most int32) (tenants []string, err error){
		"connection_": func(b *bundle, most int32) (tenants []string, err error) {
			resp, err := b.worker.PullEffects(b.t.Context(), &orchestrationv1.PullEffectsRequest{MaxEffects: most})
			for _, e := range resp.GetEffects() {
				tenants = append(tenants, e.GetTenantId())
			}
			return tenants, err
		},
		"status_": func(b *bundle, most int32) (tenants []string, err error) {
			resp, err := b.internal.PullStatusEvents(b.t.Context(), &connectionv1.PullStatusEventsRequest{MaxEvents: most})
			for _, e := range resp.GetEvents() {
				tenants = append(tenants, e.GetTenantId())
			}
			return tenants, err
		},
	} {
		t.Run(kinds, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			for _, id := range []tenant.ID{"broken", "one", "two", "three"} {
				b.connect(id)
			}
			b.connect("broken") // a second row, as old as the others' first
			_, err := b.db.Admin.Exec(t.Context(), `
				CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'a row that cannot be leased'; END $$;
				CREATE TRIGGER refuse BEFORE UPDATE ON outbox FOR EACH ROW WHEN (OLD.tenant_id = 'broken' AND OLD.kind ^@ '`+kinds+`') EXECUTE FUNCTION refuse()`)
			require.NoError(t, err)
			got, err := pull(b, 1)
			require.NoError(t, err)
			require.Equal(t, []string{"one"}, got)
			got, err = pull(b, 10)
			require.NoError(t, err)
			require.Equal(t, []string{"two", "three"}, got, "the rest, in their order")
			_, err = pull(b, 10)
			require.Error(t, err, "nothing but what cannot be leased")
			_, err = b.db.Admin.Exec(t.Context(), `DROP TRIGGER refuse ON outbox`)
			require.NoError(t, err)
			got, err = pull(b, 10)
			require.NoError(t, err)
			require.Contains(t, got, "broken", "it was not lost")
			require.NotContains(t, got, "one", "which is leased")
			b.clock.advance(31 * time.Second)
			got, err = pull(b, 10)
			require.NoError(t, err)
			require.Subset(t, got, []string{"one", "two", "three"}, "nobody acknowledged")
		})
	}
}
