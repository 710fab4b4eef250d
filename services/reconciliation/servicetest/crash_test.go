package servicetest

import (
	"flag"
	"maps"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/outbox/outboxtest"
	reconciliationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
)

var (
	crashPoints = flag.Int("crash.points", 5, "at how many random points a service is ended")
	crashPeople = flag.Int("crash.people", 300, "how many items the sync queues")
	crashSeed   = flag.Uint64("crash.seed", 0, "of the random points; 0: another one each time")
)

func points(t *testing.T) (n int, random *rand.Rand) {
	t.Helper()
	seed := *crashSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-crash.seed=%d", seed)
	return *crashPoints, rand.New(rand.NewPCG(seed, 0))
}

// crashing does something to the waiting items, so many for each crash, while the queue's
// database, the engine's, or the engine's process goes away at a random point. What was done
// is taken from the waiting ones.
func crashing(b *bundle, random *rand.Rand, crashes, each int, waiting map[string]*reconciliationv1.QueueItem, do func(object string, item *reconciliationv1.QueueItem) error) {
	for range crashes {
		answer, after := random.IntN(2) == 0, random.IntN(each*8)
		how := random.IntN(3)
		switch how {
		case 0:
			b.queueCut.Arm(after, answer)
		case 1:
			b.engineCut.Arm(after, answer)
		}
		done := 0
		for object, item := range waiting {
			if done == each {
				break
			}
			if how == 2 && done == after%each {
				b.restart()
			}
			done++
			if do(object, item) == nil {
				delete(waiting, object)
			}
		}
		b.queueCut.Disarm()
		b.engineCut.Disarm()
	}
}

// TestDecisionsSurviveCrashes loses the queue's database, the engine's, or the engine's
// process at random points of decisions. Afterwards the queue and the links agree.
func TestDecisionsSurviveCrashes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	crashes, random := points(t)
	const each = 10
	contacts := b.queued(crashes * each)
	waiting := b.open()
	decide := func(object string, item *reconciliationv1.QueueItem) error {
		var err error
		if item.GetItemId()[35]%2 == 0 {
			_, err = b.decisions.ResolveToNew(b.as("user-1"), &reconciliationv1.ResolveToNewRequest{ItemId: item.GetItemId()})
		} else {
			_, err = b.decisions.ResolveToExisting(b.as("user-1"), &reconciliationv1.ResolveToExistingRequest{
				ItemId: item.GetItemId(), ContactId: contacts[object][0],
			})
		}
		return err
	}
	crashing(b, random, crashes, each, waiting, decide)
	outboxtest.Pass(t, b.db, "reconciliation.outbox", time.Minute) // what was interrupted is due
	b.finishAll()
	for object, item := range b.open() { // what was never begun
		require.False(t, item.GetDecisionPending())
		require.NoError(t, decide(object, item))
	}
	b.agree(crashes * each)
	require.Empty(t, b.open())
}

// TestUndosSurviveCrashes loses the same at random points while decisions are taken back.
// Afterwards every question stands once, and a sync finds just these.
func TestUndosSurviveCrashes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	crashes, random := points(t)
	const each = 6
	people := crashes * each
	contacts := b.queued(people)
	decided := map[string]*reconciliationv1.QueueItem{}
	for object, item := range b.open() {
		var resolved interface {
			GetItem() *reconciliationv1.QueueItem
		}
		var err error
		switch item.GetItemId()[35] % 3 {
		case 0:
			resolved, err = b.decisions.ResolveToNew(b.as("user-1"), &reconciliationv1.ResolveToNewRequest{ItemId: item.GetItemId()})
		case 1:
			resolved, err = b.decisions.ResolveToExisting(b.as("user-1"), &reconciliationv1.ResolveToExistingRequest{
				ItemId: item.GetItemId(), ContactId: contacts[object][0],
			})
		default:
			resolved, err = b.decisions.DismissItem(b.as("user-1"), &reconciliationv1.DismissItemRequest{ItemId: item.GetItemId(), Reason: "x"})
		}
		require.NoError(t, err)
		decided[object] = resolved.GetItem()
	}
	waiting := maps.Clone(decided)
	crashing(b, random, crashes, each, waiting, func(_ string, item *reconciliationv1.QueueItem) error {
		_, err := b.undo("user-2", item)
		return err
	})
	outboxtest.Pass(t, b.db, "reconciliation.outbox", time.Minute) // what was interrupted is due
	b.finishAll()
	for _, item := range decided { // what was never begun; what was done has the same answer
		_, err := b.undo("user-2", item)
		require.NoError(t, err)
	}
	none := []string{"0"}
	require.Equal(t, none, b.strings(`SELECT count(*)::text FROM reconciliation.queue_decisions WHERE state = 'pending'`))
	require.Equal(t, none, b.strings(`SELECT count(*)::text FROM syncengine.entra_contact_links WHERE ended_at IS NULL`))
	require.Equal(t, none, b.strings(`SELECT count(*)::text FROM syncengine.identity_resolutions WHERE undone_at IS NULL`))
	require.Equal(t, none, b.strings(`SELECT count(*)::text FROM syncengine.contacts WHERE entra_object_id IS NOT NULL`))
	require.Equal(t, b.strings(`SELECT count(*)::text FROM syncengine.identity_resolutions`),
		b.strings(`SELECT (count(*) / 2)::text FROM syncengine.contact_changes WHERE source = 'person'`), "each told once that it was linked, and that it is not")
	require.Len(t, b.open(), people)
	require.EqualValues(t, people, b.sync().GetAmbiguous())
	open := b.open()
	require.Len(t, open, people)
	for object, item := range open {
		require.Equal(t, decided[object].GetItemId(), item.GetItemId())
	}
}

// TestASyncThatQueuesSurvivesCrashes ends sync-engine at random points of syncs that
// queue items: each has one open item afterwards.
func TestASyncThatQueuesSurvivesCrashes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	crashes, random := points(t)
	people := *crashPeople
	b.ambiguous(people)
	run := b.begin()
	for syncs := 1; crashes > 0; {
		b.engineCut.Arm(random.IntN(40), random.IntN(2) == 0)
		_, err := b.round(run)
		b.engineCut.Disarm()
		if err != nil {
			crashes--
			b.restart()
			t.Logf("ended in sync %d, %d more to come", syncs, crashes)
			continue
		}
		b.finalise(run) // it was over before that point, and the next one looks at all again
		run = b.begin()
		syncs++
	}
	outcome, err := b.round(run)
	require.NoError(t, err)
	require.EqualValues(t, people, outcome.GetCounters().GetAmbiguous())
	require.Len(t, b.open(), people)
	require.Equal(t, []string{strconv.Itoa(people)}, b.strings(`SELECT count(*)::text FROM reconciliation.entra_contact_reconciliation_queue`))
}
