package postgres_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/gateway/internal/postgres"
	"github.com/entrasync/entrasync/gateway/internal/webhook"
)

// TestAReplicaWhoseClockIsWrongTellsNobodyTwice has others look, an hour ahead and an hour behind, while
// one tells; and what one of them did keeps the others from nothing.
func TestAReplicaWhoseClockIsWrongTellsNobodyTwice(t *testing.T) {
	t.Parallel()
	h := webhooks(t)
	asked, answer := make(chan string, 10), make(chan struct{})
	goOn := sync.OnceFunc(func() { close(answer) })
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		asked <- req.Header.Get("Webhook-Id")
		<-answer // of the first; then at once
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(server.Close)
	t.Cleanup(goOn)
	h.guarded(t, server.URL)
	_, _, err := h.Put(h.ctx, webhook.Change{URL: server.URL + "/hook", Events: []string{"contact.created"}})
	require.NoError(t, err)
	h.happening.add("contact.created")
	var wrong []*webhook.Deliverer
	for _, by := range []time.Duration{time.Hour, -time.Hour} {
		now := func() time.Time { return h.at.Add(by) }
		wrong = append(wrong, webhook.NewDeliverer(postgres.NewWebhooks(h.db.Pool("gateway")), h.happening, h.sender, now))
	}

	told := make(chan error, 1)
	go func() { told <- h.deliverer.DeliverDue(t.Context()) }()
	require.Equal(t, "change_1", <-asked)
	for _, replica := range wrong {
		require.NoError(t, replica.DeliverDue(t.Context()))
		require.Empty(t, asked)
	}
	goOn()
	require.NoError(t, <-told)
	for i, replica := range append(wrong, h.deliverer) {
		h.happening.add("contact.created")
		h.pass(t, time.Minute)
		require.NoError(t, replica.DeliverDue(t.Context()))
		require.Len(t, asked, 1, "replica %d", i)
		<-asked
	}
}
