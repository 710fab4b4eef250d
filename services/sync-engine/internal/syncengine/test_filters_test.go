package syncengine_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// settingsInForce are a FilterTestStore of a tenant whose directories were never listed.
type settingsInForce struct{ syncengine.Settings }

func (s settingsInForce) RoundSettings(context.Context, string, time.Time) (syncengine.Settings, error) {
	return s.Settings, nil
}

func (settingsInForce) EachKeptUser(context.Context, string, func([]syncengine.User) error) error {
	return nil
}

func (settingsInForce) Linked(context.Context, string, []string) (map[string]bool, error) {
	return nil, nil
}

// TestATestOfFiltersEndsAfterAWhile lets each user take three seconds.
func TestATestOfFiltersEndsAfterAWhile(t *testing.T) {
	t.Parallel()
	now := time.Now()
	slow := func() time.Time {
		now = now.Add(3 * time.Second)
		return now
	}
	sample := make([]syncengine.User, 10)
	for i := range sample {
		sample[i] = syncengine.User{ObjectID: fmt.Sprint("o-", i), UserPrincipalName: fmt.Sprintf("p%d@corp.example", i), DisplayName: "Ann", AccountEnabled: new(bool)}
	}
	test := syncengine.NewTestFilters(settingsInForce{}, nil, nil, slow)
	so, err := test.Do(t.Context(), syncengine.FilterTest{Sample: sample})
	require.NoError(t, err)
	require.Equal(t, 4, so.Total)
	require.True(t, so.MoreUsers)
	require.Equal(t, map[string]int{"account_disabled": 4}, so.Filtered)
}
