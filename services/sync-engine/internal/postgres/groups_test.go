package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// TestWhoEntersOrLeavesAGroupIsReadByID: a list of changes does not name them, and nobody
// else is read for it.
func TestWhoEntersOrLeavesAGroupIsReadByID(t *testing.T) {
	t.Parallel()
	e := setup(t)
	ids := map[string]string{}
	for i, name := range []string{"ann", "bob", "cat", "dan"} {
		ids[name] = fmt.Sprintf("aaaaaaaa-0000-4000-8000-%012d", i)
		u := person(ids[name], name, name+"@c.de")
		u.UserPrincipalName = name + "@c.de"
		e.dir.users = append(e.dir.users, u)
	}
	e.setting("filter_groups", []string{"g"})
	e.dir.groups = map[string][]string{"g": {ids["ann"], ids["bob"]}}
	require.Equal(t, syncengine.Counters{Created: 2, Filtered: 2}, e.round().Counters)
	require.Equal(t, []syncengine.DeltaLink{""}, e.dir.asked)

	e.dir.groups["g"] = []string{ids["bob"], ids["dan"]}
	e.dir.away = errs.New(errs.Unavailable, "away", "Away.")
	run := e.started(syncengine.TypeAllTenants, false)
	_, err := e.sync.Do(e.ctx(), run.ID, managed, func(syncengine.Progress) error { return nil })
	require.ErrorIs(t, err, e.dir.away)
	e.dir.away, e.dir.read = nil, nil
	_, err = e.sync.Do(e.ctx(), run.ID, managed, func(syncengine.Progress) error { return nil })
	require.NoError(t, err)
	require.Equal(t, syncengine.Counters{Created: 1, Filtered: 2, Unchanged: 1}, e.finished(run.ID).Counters)
	require.ElementsMatch(t, []string{ids["ann"], ids["dan"]}, e.dir.read)
	require.NotEmpty(t, e.dir.asked[2], "changes were asked for")
	require.Equal(t, 3, e.count(`SELECT count(*) FROM entra_contact_links WHERE status = 'active'`), "who left keeps contact and link")

	e.dir.read = nil
	require.Equal(t, syncengine.Counters{Filtered: 2, Unchanged: 2}, e.round().Counters)
	require.Empty(t, e.dir.read, "nobody entered or left")

	// One who left the directory too, and so many that everybody is listed.
	e.dir.users = e.dir.users[:3]
	e.dir.groups["g"] = []string{ids["bob"], ids["cat"]}
	require.Equal(t, syncengine.Counters{Created: 1, Filtered: 1, Inactivated: 1, Unchanged: 1}, e.round().Counters)
	require.NotEmpty(t, e.dir.asked[len(e.dir.asked)-1])
	for i := range 2001 {
		e.dir.groups["g"] = append(e.dir.groups["g"], fmt.Sprintf("bbbbbbbb-0000-4000-8000-%012d", i))
	}
	e.dir.read = nil
	e.round()
	require.Empty(t, e.dir.read)
	require.Empty(t, e.dir.asked[len(e.dir.asked)-1])

	// Without groups nobody is kept, and with them again everybody is listed once.
	e.setting("filter_groups", []string{})
	e.round()
	require.Zero(t, e.count(`SELECT count(*) FROM directories WHERE group_members IS NOT NULL`))
	require.Equal(t, syncengine.Counters{Unchanged: 3}, e.round().Counters)
}

// TestAGroupsMembersAreTakenOverWithTheRound: what a guard holds back comes again, who
// entered with it.
func TestAGroupsMembersAreTakenOverWithTheRound(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = crowd(8)
	all := []string{"o-0", "o-1", "o-2", "o-3", "o-4", "o-5", "o-6"}
	e.setting("filter_groups", []string{"g"})
	e.dir.groups = map[string][]string{"g": all}
	e.round()
	e.dir.groups["g"] = append(all, "o-7")
	e.dir.users = disabled(e.dir.users, 0, 1, 2, 3)
	held := e.round()
	require.Equal(t, syncengine.StateHeld, held.State)
	require.Equal(t, 1, held.Counters.Created)
	e.dir.read = nil
	e.now = e.now.Add(time.Minute)
	require.Equal(t, syncengine.StateHeld, e.round().State)
	require.Empty(t, e.dir.read)
	require.Empty(t, e.dir.asked[len(e.dir.asked)-1], "the round did not end with what it heard: everybody is listed")
}
