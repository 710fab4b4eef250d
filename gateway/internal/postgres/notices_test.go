package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/gateway/internal/postgres"
	"github.com/entrasync/entrasync/gateway/internal/webhook"
	"github.com/entrasync/entrasync/pkg/outbox/puller"
	"github.com/entrasync/entrasync/pkg/tenant"
)

// TestANoticeIsToldOnce has a connection break and recover, and access end, each said twice.
func TestANoticeIsToldOnce(t *testing.T) {
	t.Parallel()
	h := webhooks(t)
	_, secret := h.put(t, webhook.Change{Events: []string{
		webhook.ConnectionFailed, webhook.ConnectionRecovered, webhook.ConnectionDisconnected, webhook.AccessEnding, webhook.AccessEnded,
	}})
	h.receiver.set(http.StatusOK, secret)
	store := postgres.NewWebhooks(h.db.Pool("gateway"))
	follow := webhook.NewFollowConnection(store)
	change := func(id, from, to string) {
		t.Helper()
		for range 2 {
			require.NoError(t, follow.Do(h.ctx, puller.Effect{ID: id, CreatedAt: h.at, Arguments: map[string]string{"from_status": from, "to_status": to, "reason": "consent_missing"}}))
		}
	}
	change("1", "connected", "validation_failed")
	require.Equal(t, []string{"connection.failed connection_1"}, h.later(t, time.Minute))
	change("2", "validation_failed", "connected")
	change("3", "connected", "connected")
	change("4", "connected", "disconnected")
	require.Equal(t, []string{"connection.recovered connection_2", "connection.disconnected connection_4"}, h.later(t, time.Minute))

	ends := h.at.Add(20 * 24 * time.Hour)
	watch := webhook.NewWatchAccess(store, ending{{ManagedTenantID: "mt-1", EntraTenantID: "e-1", DisplayName: "Customer", EndsAt: ends}}, func() time.Time { return h.at })
	for _, reminder := range []struct {
		before time.Duration
		told   string
	}{
		{20 * 24 * time.Hour, "access.ending access_ending_mt-1_%d"},
		{8 * 24 * time.Hour, ""},
		{7 * 24 * time.Hour, "access.ending access_ending_mt-1_%d_7"},
		{2 * 24 * time.Hour, ""},
		{23 * time.Hour, "access.ending access_ending_mt-1_%d_1"},
		{time.Hour, ""},
		{0, "access.ended access_ended_mt-1_%d"},
		{-time.Hour, ""},
	} {
		h.at = ends.Add(-reminder.before)
		for range 2 {
			require.NoError(t, watch.Do(t.Context()))
		}
		var want []string
		if reminder.told != "" {
			want = []string{fmt.Sprintf(reminder.told, ends.Unix())}
		}
		require.Equal(t, want, h.later(t, time.Minute), "%s before", reminder.before)
	}
	require.Empty(t, h.later(t, time.Minute))
	var foreign int
	require.NoError(t, h.db.Admin.QueryRow(t.Context(), `SELECT count(*) FROM webhook_notices WHERE tenant_id <> 'msp-1'`).Scan(&foreign))
	require.Zero(t, foreign)
}

// ending is access that ends.
type ending []webhook.EndingAccess

func (e ending) EndingAccess(context.Context) ([]webhook.EndingAccess, error) { return e, nil }

// TestWhoLooksLateIsRemindedOnce has access end in three days when somebody begins to listen, beside
// another tenant whose access cannot be looked at.
func TestWhoLooksLateIsRemindedOnce(t *testing.T) {
	t.Parallel()
	h := webhooks(t)
	for _, ctx := range []context.Context{h.ctx, tenant.With(t.Context(), tenant.Call{Tenant: "msp-0"})} {
		_, _, err := h.Put(ctx, webhook.Change{URL: h.receiver.URL + "/hook", Events: []string{webhook.AccessEnding}})
		require.NoError(t, err)
	}
	ends := h.at.Add(3 * 24 * time.Hour)
	watch := webhook.NewWatchAccess(postgres.NewWebhooks(h.db.Pool("gateway")), failing{
		ending: ending{{ManagedTenantID: "mt-1", EndsAt: ends}}, of: "msp-0",
	}, func() time.Time { return h.at })
	for range 2 {
		require.ErrorContains(t, watch.Do(t.Context()), "msp-0")
	}
	require.Equal(t, 1, count(t, h, `SELECT count(*) FROM webhook_notices`))
	require.Equal(t, 1, count(t, h, `SELECT count(*) FROM webhook_notices WHERE tenant_id = 'msp-1' AND id LIKE '%\_7' AND data ->> 'withinDays' = '7'`))
}

// failing cannot look at one tenant's access.
type failing struct {
	ending
	of tenant.ID
}

func (f failing) EndingAccess(ctx context.Context) ([]webhook.EndingAccess, error) {
	if id, err := tenant.IDFrom(ctx); err != nil || id == f.of {
		return nil, errors.New("not now")
	}
	return f.ending, nil
}

// TestAnotherEndpointHearsOfOneThatWasDisabled has one server refuse for a week.
func TestAnotherEndpointHearsOfOneThatWasDisabled(t *testing.T) {
	t.Parallel()
	h := webhooks(t)
	_, secret := h.put(t, webhook.Change{Events: []string{webhook.WebhookDisabled}})
	h.receiver.set(http.StatusOK, secret)
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	t.Cleanup(down.Close)
	h.guarded(t, down.URL)
	broken, _, err := h.Put(h.ctx, webhook.Change{URL: down.URL + "/hook", Events: []string{"contact.created"}})
	require.NoError(t, err)
	h.happening.add("contact.created")
	var told []string
	for range 6 * 24 {
		told = append(told, h.later(t, time.Hour)...)
	}
	require.Len(t, told, 1)
	require.True(t, strings.HasPrefix(told[0], "webhook.disabled webhook_disabled_"+broken.ID.String()), told[0])
}
