package servicetest

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
)

// told are the entries that the feed is to have, in order, and forgets them.
func (b *bundle) told() (lines []string) {
	b.t.Helper()
	rows, err := b.db.Admin.Query(b.t.Context(), `SELECT arguments->>'entries' FROM outbox WHERE kind = 'clients_changed' AND order_key = 'clients' ORDER BY number`)
	require.NoError(b.t, err)
	for rows.Next() {
		var text string
		require.NoError(b.t, rows.Scan(&text))
		var entries []struct {
			Type, Source string
			Fields       []string
			Client       struct{ ID, ExternalID, Name string }
		}
		require.NoError(b.t, json.Unmarshal([]byte(text), &entries))
		for _, e := range entries {
			require.NotEmpty(b.t, e.Client.ID)
			lines = append(lines, strings.Join([]string{e.Type, e.Source, e.Client.ExternalID, e.Client.Name, strings.Join(e.Fields, "+")}, " "))
		}
	}
	require.NoError(b.t, rows.Err())
	_, err = b.db.Admin.Exec(b.t.Context(), `DELETE FROM outbox WHERE kind = 'clients_changed'`)
	require.NoError(b.t, err)
	return lines
}

// TestTheFeedHearsOfEveryChangeOfAClient writes clients in all ways that there are.
func TestTheFeedHearsOfEveryChangeOfAClient(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.feed("ENABLE")
	record := func(external, name, website string, deleted bool) *mappingv1.ClientRecord {
		return &mappingv1.ClientRecord{ExternalId: external, Name: name, Website: &website, Deleted: deleted}
	}
	b.upsert(record("a", "Alpha", "alpha.example", false), record("b", "Beta", "beta.example", false))
	pulled := b.pull()
	require.Len(t, pulled, 1)
	require.Equal(t, "clients_changed", pulled[0].GetKind())
	b.ack(pulled[0], "done", nil)
	b.pass(time.Hour)
	require.Empty(t, b.pull(), "it is done")
	require.ElementsMatch(t, []string{"client.created host a Alpha ", "client.created host b Beta "}, b.told())
	b.upsert(record("a", "Alpha", "alpha.example", false), record("b", "Beta & Sons", "beta.example", false))
	require.Equal(t, []string{"client.updated host b Beta & Sons name"}, b.told())
	b.upsert(record("b", "Beta & Sons", "beta.example", true))
	require.Equal(t, []string{"client.deleted host b Beta & Sons deleted"}, b.told())
	b.upsert(record("b", "Beta & Sons", "beta.example", false))
	require.Equal(t, []string{"client.updated host b Beta & Sons deleted"}, b.told())
}

// TestTheFeedHearsOfMappingsAndOfClientsThatARunMakes maps a client, and has a run make one.
func TestTheFeedHearsOfMappingsAndOfClientsThatARunMakes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	clients := b.add("Gamma", "gamma.example")
	tenants := b.discover("Gamma Inc", "gamma.example", "Delta Inc", "delta.example")
	b.feed("ENABLE")
	b.leaving(func(ctx context.Context) error {
		_, err := b.mappings.ConfirmMappings(ctx, &mappingv1.ConfirmMappingsRequest{
			Decisions: []*mappingv1.MappingDecision{decide(tenants[0], "map", clients[0]), decide(tenants[1], "create_new")},
		})
		return err
	})
	told := b.told()
	require.Len(t, told, 1)
	require.True(t, strings.HasPrefix(told[0], "client.updated person "), told[0])
	require.True(t, strings.HasSuffix(told[0], " Gamma entraTenantId+entraPrimaryDomain"), told[0])
	_, err := b.internal.CreateDecidedClients(b.ctx(), &mappingv1.CreateDecidedClientsRequest{RunId: newID()})
	require.NoError(t, err)
	require.Equal(t, "client.created sync  Delta Inc ", b.told()[0])
}
