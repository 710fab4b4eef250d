package queue_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/queue"
)

// A tenant with 2,000 directories delays one with 5 by less than the time of one round for each
// directory, whichever comes first.
func TestALargeTenantDoesNotDelayASmallOne(t *testing.T) {
	t.Parallel()
	const places, round = 16, time.Second
	synctest.Test(t, func(t *testing.T) {
		f := queue.NewFair(places, places)
		work := func(key string) time.Duration {
			came := time.Now()
			leave, err := f.Enter(t.Context(), key)
			if err != nil {
				return -1
			}
			waited := time.Since(came)
			<-time.After(round)
			leave()
			return waited
		}
		large := make(chan time.Duration, 2000)
		for range cap(large) {
			go func() { large <- work("large") }()
		}
		synctest.Wait()
		<-time.After(round / 2) // all places are taken
		small := make(chan time.Duration, 5)
		for range cap(small) {
			go func() { small <- work("small") }()
		}
		for range cap(small) {
			waited := <-small
			require.LessOrEqual(t, waited, round)
			require.Positive(t, waited)
		}
		began := time.Now()
		for range cap(large) {
			<-large
		}
		require.Less(t, time.Since(began), 2010*round/places, "no place stands idle")
	})
}

// While two tenants are active neither takes more than its share, though places are free; one
// that is alone takes all, again a while after the other has gone.
func TestAKeyKeepsToItsShareWhileAnotherIsActive(t *testing.T) {
	t.Parallel()
	const places, share, round = 8, 2, time.Second
	synctest.Test(t, func(t *testing.T) {
		f := queue.NewFair(places, share)
		var running, most [2]atomic.Int32
		work := func(key int) {
			leave, err := f.Enter(t.Context(), string(rune('a'+key)))
			if err != nil {
				return
			}
			if n := running[key].Add(1); n > most[key].Load() {
				most[key].Store(n)
			}
			<-time.After(round)
			running[key].Add(-1)
			leave()
		}
		var large sync.WaitGroup
		for range 200 {
			large.Go(func() { work(0) })
		}
		synctest.Wait()
		require.EqualValues(t, places, running[0].Load(), "alone")

		var small sync.WaitGroup
		for range 5 {
			small.Go(func() { work(1) })
		}
		<-time.After(round + round/2) // those that were under way have left
		most[0].Store(running[0].Load())
		small.Wait()
		require.EqualValues(t, share, most[1].Load())
		<-time.After(round + round/2)
		require.EqualValues(t, share, most[0].Load(), "another is active still")

		<-time.After(10 * round)
		require.EqualValues(t, places, running[0].Load(), "alone again")
		large.Wait()
	})
}

func TestPlacesGoRoundByKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := queue.NewFair(1, 1)
		hold, err := f.Enter(t.Context(), "a")
		require.NoError(t, err)
		order := make(chan string, 20)
		for _, name := range []string{"a1", "a2", "a3", "b1", "b2", "c1"} {
			go func() {
				leave, err := f.Enter(t.Context(), name[:1])
				if err == nil {
					order <- name
					leave()
				}
			}()
			synctest.Wait()
		}
		gone, cancel := context.WithCancel(t.Context())
		given := make(chan error, 1)
		go func() {
			_, err := f.Enter(gone, "d")
			given <- err
		}()
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-given, context.Canceled)
		hold()
		hold() // again changes nothing
		synctest.Wait()
		close(order)
		var got []string
		for name := range order {
			got = append(got, name)
		}
		require.Equal(t, []string{"b1", "c1", "a1", "b2", "a2", "a3"}, got)
	})
}

// A caller that gives up in the moment of its turn hands the place on.
func TestNoPlaceIsLost(t *testing.T) {
	t.Parallel()
	f := queue.NewFair(2, 2)
	for range 2000 {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			if leave, err := f.Enter(ctx, "a"); err == nil {
				leave()
			}
		}()
		cancel()
		<-done
	}
	one, err := f.Enter(t.Context(), "a")
	require.NoError(t, err)
	two, err := f.Enter(t.Context(), "b")
	require.NoError(t, err)
	one()
	two()
}

// A caller that has a place gets another one where one more stays free: never more than its share while another
// key is active.
func TestAnotherPlaceForACallerThatHasOne(t *testing.T) {
	t.Parallel()
	f := queue.NewFair(5, 2)
	_, ok := f.TryEnter("a")
	require.False(t, ok, "it has none")
	first, err := f.Enter(t.Context(), "a")
	require.NoError(t, err)
	second, ok := f.TryEnter("a")
	require.True(t, ok)
	other, err := f.Enter(t.Context(), "b")
	require.NoError(t, err)
	_, ok = f.TryEnter("a")
	require.False(t, ok, "two are its share beside another key")
	others, ok := f.TryEnter("b")
	require.True(t, ok)
	second()
	second()
	third, err := f.Enter(t.Context(), "c")
	require.NoError(t, err)
	_, ok = f.TryEnter("a")
	require.False(t, ok, "one place stays free")
	others()
	second, ok = f.TryEnter("a")
	require.True(t, ok, "a place that was given back")
	for _, leave := range []func(){first, second, other, third} {
		leave()
	}
	for _, key := range []string{"d", "d", "e", "e", "g"} { // all five came back
		_, err := f.Enter(t.Context(), key)
		require.NoError(t, err)
	}
}
