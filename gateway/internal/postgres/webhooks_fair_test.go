package postgres_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/gateway/internal/postgres"
	"github.com/entrasync/entrasync/gateway/internal/webhook"
	"github.com/entrasync/entrasync/pkg/tenant"
)

// unsure is a store that once does not say what is due, when it is told to.
type unsure struct {
	webhook.DeliveryStore

	fail   atomic.Bool
	failed chan struct{}
}

func (s *unsure) Due(ctx context.Context, n int, but []tenant.ID) ([]webhook.Due, error) {
	if s.fail.CompareAndSwap(true, false) {
		close(s.failed)
		return nil, errDead
	}
	return s.DeliveryStore.Due(ctx, n, but)
}

// TestSlowReceiversOfOneTenantKeepNobodyWaiting: while as many as one may have do not answer, what is
// due for another tenant arrives, also what becomes due only then and after the database failed once.
func TestSlowReceiversOfOneTenantKeepNobodyWaiting(t *testing.T) {
	t.Parallel()
	h := webhooks(t)
	entered, answer := make(chan string, 100), make(chan struct{})
	goOn := sync.OnceFunc(func() { close(answer) })
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		entered <- req.URL.Path
		<-answer
		w.WriteHeader(http.StatusNoContent)
	}))
	arrived := make(chan string, 10)
	healthy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		arrived <- req.Header.Get("Webhook-Id")
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(healthy.Close)
	t.Cleanup(slow.Close)
	t.Cleanup(goOn)
	h.guarded(t, slow.URL, healthy.URL)
	const endpoints = 20 // as many as a tenant may have
	for n := range endpoints {
		_, _, err := h.Put(h.ctx, webhook.Change{URL: fmt.Sprintf("%s/%d", slow.URL, n), Events: []string{"contact.created"}})
		require.NoError(t, err)
	}
	other := tenant.With(t.Context(), tenant.Call{Tenant: "msp-2"})
	_, _, err := h.Put(other, webhook.Change{URL: healthy.URL + "/hook", Events: []string{"contact.created"}})
	require.NoError(t, err)
	h.happening.add("contact.created")
	store := &unsure{DeliveryStore: postgres.NewWebhooks(h.db.Pool("gateway")), failed: make(chan struct{})}
	h.deliverer = webhook.NewDeliverer(store, h.happening, h.sender, func() time.Time { return h.at })

	delivered := make(chan error, 1)
	go func() { delivered <- h.deliverer.DeliverDue(t.Context()) }()
	require.Equal(t, "change_1", <-arrived)
	<-entered
	<-entered
	store.fail.Store(true)
	<-store.failed
	h.happening.add("contact.created")
	_, err = h.db.Admin.Exec(t.Context(), `UPDATE webhooks SET next_at = now() WHERE tenant_id = 'msp-2'`)
	require.NoError(t, err)
	require.Equal(t, "change_2", <-arrived)
	require.Empty(t, entered, "others of the slow tenant wait for their turn")
	goOn()
	require.NoError(t, <-delivered)
	close(entered)
	had := map[string]bool{}
	for path := range entered {
		had[path] = true
	}
	require.GreaterOrEqual(t, len(had), endpoints-2, "and have it")
}
