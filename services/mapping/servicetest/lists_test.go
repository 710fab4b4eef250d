package servicetest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/page"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
)

func TestListClientsPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for records := range slices.Chunk(manyRecords(5000, 0), 2500) {
		b.upsert(records...)
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
	nul := page.Cursor{Key: "a\x00", ID: list.GetClients()[0].GetId()}.Token("clients", "another search")
	for _, token := range []string{"garbage", list.GetNextPageToken(), nul} {
		_, err = b.clients.ListClients(b.ctx(), &mappingv1.ListClientsRequest{Q: "another search", PageToken: token})
		require.Equal(t, "invalid_argument", errs.ReasonOf(err))
		require.Equal(t, errs.Invalid, errs.KindOf(err))
		require.Equal(t, []string{"pageToken"}, violated(err))
	}
	_, err = b.clients.ListClients(b.ctx(), &mappingv1.ListClientsRequest{Q: "a\x00b"})
	require.NoError(t, err, "control characters are spaces in a name")
}

// TestClientsAreFoundByAnyWord of the name, and by the beginning of a domain.
func TestClientsAreFoundByAnyWord(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.add("The Contoso Group", "contoso.example")
	b.add("Zürich (Nord)", "zn.example")
	b.add("Other", "other.example")
	for query, found := range map[string][]string{
		"contoso": {"The Contoso Group"}, "group": {"The Contoso Group"}, "the cont": {"The Contoso Group"},
		"nord": {"Zürich (Nord)"}, "ZURICH": {"Zürich (Nord)"}, "zn.exam": {"Zürich (Nord)"}, "https://www.zn.example/": {"Zürich (Nord)"},
		"n.example": nil, "100%": nil, "o": {"Other", "The Contoso Group", "Zürich (Nord)"},
	} {
		list, err := b.clients.ListClients(b.ctx(), &mappingv1.ListClientsRequest{Q: query})
		require.NoError(t, err)
		var names []string
		for _, client := range list.GetClients() {
			names = append(names, client.GetName())
		}
		require.Equal(t, found, names, query)
		require.EqualValues(t, len(found), list.GetTotalSize(), query)
	}
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

func TestListsArePagedPastLongNames(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var all []string
	for i, letter := range []string{"&", "\u6f22", "\U00020000"} {
		all = append(all, strings.Repeat(letter, 255)+strconv.Itoa(i))
		domain := fmt.Sprintf("a%d.example", i)
		b.add(all[i], domain)
		b.mustConfirm(decide(b.discover(all[i], domain)[0], "skip"))
	}
	var clients, mappings []string
	for token := ""; len(clients) == 0 || token != ""; {
		resp, err := b.clients.ListClients(b.ctx(), &mappingv1.ListClientsRequest{PageSize: 1, PageToken: token})
		require.NoError(t, err)
		clients, token = append(clients, resp.GetClients()[0].GetName()), resp.GetNextPageToken()
	}
	for token := ""; len(mappings) == 0 || token != ""; {
		resp, err := b.mappings.ListMappings(b.ctx(), &mappingv1.ListMappingsRequest{PageSize: 1, PageToken: token})
		require.NoError(t, err)
		mappings, token = append(mappings, resp.GetMappings()[0].GetDisplayName()), resp.GetNextPageToken()
	}
	require.ElementsMatch(t, all, clients)
	require.ElementsMatch(t, all, mappings)
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

// TestNoFilterIsDropped: filters that do not go together, or look for nothing, are
// refused by their name. A list that ignored one would show what was not asked for.
func TestNoFilterIsDropped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tenants := b.discover("Acme", "acme.com", "Borealis", "borealis.io")
	b.mustConfirm(decide(tenants[0], "skip"), decide(tenants[1], "skip"))
	for name, c := range map[string]struct {
		request *mappingv1.ListMappingsRequest
		want    []string
	}{
		"the state of one":        {&mappingv1.ListMappingsRequest{ManagedTenantId: tenants[0], State: "mapped"}, []string{"state"}},
		"a search for one":        {&mappingv1.ListMappingsRequest{ManagedTenantId: tenants[0], Q: "bor", History: true}, []string{"q"}},
		"both":                    {&mappingv1.ListMappingsRequest{ManagedTenantId: tenants[0], State: "mapped", Q: "bor"}, []string{"state", "q"}},
		"the history of all":      {&mappingv1.ListMappingsRequest{History: true, State: "mapped"}, []string{"history"}},
		"the history of orphans":  {&mappingv1.ListMappingsRequest{History: true, Orphans: true, ManagedTenantId: tenants[0]}, []string{"history"}},
		"a search for nothing":    {&mappingv1.ListMappingsRequest{Q: "\x01 \x02"}, []string{"q"}},
		"nothing among orphans":   {&mappingv1.ListMappingsRequest{Q: "\u0085\x01", Orphans: true}, []string{"q"}},
		"a search for NUL":        {&mappingv1.ListMappingsRequest{Q: "a\x00b"}, []string{"q"}},
		"spaces are no search":    {&mappingv1.ListMappingsRequest{Q: "  "}, nil},
		"orphans of one by state": {&mappingv1.ListMappingsRequest{Orphans: true, ManagedTenantId: tenants[0], State: "mapped", Q: "acme"}, nil},
	} {
		_, err := b.mappings.ListMappings(b.ctx(), c.request)
		require.Equal(t, c.want, violated(err), name)
		if len(c.want) > 0 {
			require.Equal(t, "invalid_argument", errs.ReasonOf(err), name)
			require.Equal(t, errs.Invalid, errs.KindOf(err), name)
		}
	}
	_, err := b.clients.ListClients(b.ctx(), &mappingv1.ListClientsRequest{Q: "\x01"})
	require.Equal(t, []string{"q"}, violated(err))
	_, err = b.clients.ListClients(b.ctx(), &mappingv1.ListClientsRequest{Q: " "})
	require.NoError(t, err)
}
