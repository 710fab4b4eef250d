package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/gateway/internal/postgres"
	"github.com/entrasync/entrasync/gateway/internal/webhook"
)

var errDead = errors.New("the process is dead")

// mortal is the store of a process that ends at one of its calls: with it done or not, and
// nothing more comes after.
type mortal struct {
	webhook.DeliveryStore

	mu   sync.Mutex
	left int
	done bool // the last call is done, and nobody hears of it
}

// last counts a call: whether it is done, and whether the process lives on.
func (m *mortal) last() (do, lives bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.left--
	return m.left > 0 || m.left == 0 && m.done, m.left > 0
}

func (m *mortal) call(do func() error) error {
	done, lives := m.last()
	var err error
	if done {
		err = do()
	}
	if !lives {
		return errDead
	}
	return err
}

func (m *mortal) Lease(ctx context.Context, id uuid.UUID, most time.Duration) (e webhook.Endpoint, mine bool, err error) {
	err = m.call(func() error {
		e, mine, err = m.DeliveryStore.Lease(ctx, id, most)
		return err
	})
	return e, mine, err
}

func (m *mortal) Settle(ctx context.Context, was, is *webhook.Endpoint, pause time.Duration) error {
	return m.call(func() error { return m.DeliveryStore.Settle(ctx, was, is, pause) })
}

func (m *mortal) AddDelivery(ctx context.Context, endpoint uuid.UUID, d webhook.Delivery) error {
	return m.call(func() error { return m.DeliveryStore.AddDelivery(ctx, endpoint, d) })
}

func (m *mortal) Delivered(ctx context.Context, endpoint uuid.UUID, ids []string, since time.Time) (told map[string]bool, err error) {
	err = m.call(func() error {
		told, err = m.DeliveryStore.Delivered(ctx, endpoint, ids, since)
		return err
	})
	return told, err
}

// TestAProcessThatDiesWhileItTellsLosesNothing ends it at random points of its turns. The next
// goes on: only what was under way comes twice, under the same id.
func TestAProcessThatDiesWhileItTellsLosesNothing(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0)) // where it dies is no secret
	const messages, deaths = 120, 12
	h := webhooks(t)
	_, secret := h.put(t, webhook.Change{})
	h.receiver.set(http.StatusOK, secret)
	for range messages {
		h.happening.add("contact.created")
	}
	h.happening.runs = append(h.happening.runs, webhook.Event{Message: webhook.Message{ID: "run_1", Type: "sync.run.completed", At: h.at.Add(time.Second), Data: []byte(`{}`)}})
	now, living := func() time.Time { return h.at }, h.deliverer
	var got []string
	for range deaths {
		store := &mortal{DeliveryStore: postgres.NewWebhooks(h.db.Pool("gateway")), left: 1 + random.IntN(2*messages/deaths), done: random.IntN(2) == 0}
		h.deliverer = webhook.NewDeliverer(store, h.happening, h.sender, now)
		got = append(got, h.later(t, 3*time.Minute)...) // after which nobody waits for the one that died
	}
	h.deliverer = living
	got = append(got, h.later(t, 3*time.Minute)...)
	require.Equal(t, "sync.run.completed run_1", got[0])
	last, twice := 0, 0
	for i, message := range got {
		if i > 0 && message == got[i-1] {
			twice++
			continue
		}
		if message != got[0] {
			last++
			require.Equal(t, fmt.Sprintf("contact.created change_%d", last), message)
		}
	}
	require.Equal(t, messages, last, "nothing is lost")
	require.LessOrEqual(t, twice, deaths, "only what was under way when a process died comes twice")
	require.Empty(t, h.later(t, time.Hour))
}
