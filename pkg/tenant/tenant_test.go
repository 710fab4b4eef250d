package tenant_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"a", "Acme-1_x", strings.Repeat("x", 64)} {
		id, err := tenant.Parse(good)
		require.NoError(t, err)
		require.True(t, id.Valid())
		require.Equal(t, good, id.String())
	}
	for _, bad := range []string{"", strings.Repeat("x", 65), "a b", "a'b", "a\n", "ä", "a/b"} {
		_, err := tenant.Parse(bad)
		require.Equal(t, errs.Invalid, errs.KindOf(err), "%q", bad)
		require.False(t, tenant.ID(bad).Valid())
	}
}

func FuzzParse(f *testing.F) {
	f.Add("acme")
	f.Add("a'; DROP TABLE x; --")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := tenant.Parse(s)
		require.Equal(t, err == nil, tenant.ID(s).Valid())
		if err == nil {
			require.NotContains(t, string(id), "'")
			require.NotContains(t, string(id), `\`)
		}
	})
}

func TestContext(t *testing.T) {
	t.Parallel()
	_, err := tenant.From(t.Context())
	require.Equal(t, "context_missing", errs.ReasonOf(err))
	_, err = tenant.IDFrom(t.Context())
	require.Equal(t, "tenant_missing", errs.ReasonOf(err))
	_, err = tenant.IDFrom(tenant.With(t.Context(), tenant.Call{Run: "r"}))
	require.Equal(t, "tenant_missing", errs.ReasonOf(err))

	want := tenant.Call{Tenant: "acme", Actor: tenant.Actor{ID: "u1", Type: "user"}, Run: "r"}
	ctx := tenant.With(t.Context(), want)
	got, err := tenant.From(ctx)
	require.NoError(t, err)
	require.Equal(t, want, got)
	id, err := tenant.IDFrom(ctx)
	require.NoError(t, err)
	require.Equal(t, tenant.ID("acme"), id)
}
