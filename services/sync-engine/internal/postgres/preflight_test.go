package postgres_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// A second directory of the client, and one whose client is still to be created.
const (
	secondDirectory = "11111111-1111-4111-8111-222222222222"
	secondManaged   = "22222222-2222-4222-8222-333333333333"
	thirdDirectory  = "11111111-1111-4111-8111-444444444444"
	thirdManaged    = "22222222-2222-4222-8222-555555555555"
	madeClient      = "55555555-5555-4555-8555-555555555555"
)

// fleet runs over all directories, in their order, and returns what became of each.
func (e *engine) fleet(t require.TestingT, runType syncengine.RunType, dryRun bool) (runID string, results []syncengine.ManagedTenant) {
	run := e.started(runType, dryRun)
	_, tenants, err := e.show.Do(e.ctx(), run.ID)
	require.NoError(t, err)
	slices.SortFunc(tenants, func(a, b syncengine.ManagedTenant) int { return a.Position - b.Position })
	for _, of := range tenants {
		_, err := e.sync.Do(e.ctx(), run.ID, of.ManagedTenantID, func(syncengine.Progress) error { return nil })
		require.NoError(t, err)
	}
	_, err = e.finalise.Do(e.ctx(), run.ID, "", nil, nil)
	require.NoError(t, err)
	for _, of := range tenants {
		_, done, err := e.store.ManagedTenant(e.ctx(), run.ID, of.ManagedTenantID)
		require.NoError(t, err)
		results = append(results, done)
	}
	return run.ID, results
}

// fleetReport is a run's report as lines. A contact that the run makes has another id
// in a dry run.
func (e *engine) fleetReport(runID string) []string {
	all := e.identities(runID, syncengine.IdentityFilter{})
	shown, made := all[:0:0], map[string]bool{}
	for _, i := range all {
		if i.Outcome == "created" {
			made[i.ContactID] = true
		}
	}
	for _, i := range all {
		if made[i.ContactID] {
			i.ContactID = "made"
		}
		shown = append(shown, i)
	}
	return linesOf(shown)
}

// severalDirectories has the client own two directories, and a third one whose client
// the next run of a person creates.
func (e *engine) severalDirectories() {
	*e.dir, *e.mapping, *e.queue = *newDirectory(), *newMapping(), fakeQueue{}
	e.dir.of = map[string]*fakeDirectory{secondDirectory: newDirectory(), thirdDirectory: newDirectory()}
	e.mapping.tenants = append(e.mapping.tenants, syncengine.MappedTenant{
		ManagedTenantID: secondManaged, EntraTenantID: secondDirectory, ClientID: client, Revision: 1,
	})
	e.mapping.toCreate = []syncengine.MappedTenant{{ManagedTenantID: thirdManaged, EntraTenantID: thirdDirectory, Revision: 2}}
	e.mapping.onCreate = func(string) error {
		for _, t := range e.mapping.toCreate {
			t.ClientID, t.Revision = madeClient, t.Revision+1
			e.mapping.tenants = append(e.mapping.tenants, t)
			e.mapping.clients[madeClient] = ""
		}
		e.mapping.toCreate = nil
		return nil
	}
}

// TestAPreflightOfSeveralDirectoriesIsWhatTheRunComesTo: the second directory of a client
// sees what the first would leave, and one whose client is still to be created is
// covered, so that results and report of the dry run are those of the run that follows.
func TestAPreflightOfSeveralDirectoriesIsWhatTheRunComesTo(t *testing.T) {
	t.Parallel()
	e := setup(t)
	address := rapid.SampledFrom([]string{"a@c.de", "b@c.de", "c@c.de", "d@c.de", "e@c.de", "f@c.de"})
	histories(t, ofCostly, func(rt *rapid.T) {
		e.forget()
		e.severalDirectories()
		for _, rule := range []string{"field_display_name", "field_email", "field_role", "mark_inactive_when_disabled"} {
			e.setting(rule, rapid.Bool().Draw(rt, rule))
		}
		for i, mail := range rapid.SliceOfN(address, 0, 4).Draw(rt, "contacts") {
			inactive := rapid.Bool().Draw(rt, "inactive")
			e.host(syncengine.ContactRecord{ExternalID: ptr(fmt.Sprint(i)), ClientID: ptr(client), FullName: "Ann", Email: &mail, Inactive: &inactive})
		}
		listed := func(prefix string) []syncengine.User {
			users := []syncengine.User{person(prefix+"-sure", "Sure", prefix+"@sure.de")}
			for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(0, 5), 0, 4, rapid.ID[int]).Draw(rt, prefix+" ids") {
				u := person(fmt.Sprintf("%s-%d", prefix, n), rapid.SampledFrom([]string{"Ann", "Bea", "svc-x"}).Draw(rt, "name"), "")
				u.AccountEnabled = ptr(rapid.IntRange(0, 4).Draw(rt, "enabled") > 0)
				u.JobTitle = rapid.SampledFrom([]string{"", "Chef"}).Draw(rt, "role")
				if rapid.IntRange(0, 3).Draw(rt, "has mail") > 0 {
					u.Mail = address.Draw(rt, "mail")
				}
				for _, alias := range rapid.SliceOfN(address, 0, 1).Draw(rt, "aliases") {
					u.ProxyAddresses = append(u.ProxyAddresses, "smtp:"+alias)
				}
				users = append(users, u)
			}
			return users
		}
		rounds := 2
		if rapid.Bool().Draw(rt, "the third was another client's before") {
			// Whoever leaves while the link waits for a person is counted by listings alone.
			rounds = 1
			before := syncengine.MappedTenant{ManagedTenantID: thirdManaged, EntraTenantID: thirdDirectory, ClientID: other, Revision: 1}
			later := e.mapping.toCreate
			e.mapping.tenants, e.mapping.toCreate = append(e.mapping.tenants, before), nil
			e.dir.users, e.dir.of[secondDirectory].users, e.dir.of[thirdDirectory].users = listed("one"), listed("two"), listed("three")
			e.fleet(rt, syncengine.TypeAllTenants, false)
			e.mapping.tenants, e.mapping.toCreate = e.mapping.tenants[:2], later
			if rapid.Bool().Draw(rt, "the engine knows") {
				_, err := e.revise.Do(e.ctx(), syncengine.MappingRevision{ManagedTenantID: thirdManaged, EntraTenantID: thirdDirectory, Revision: 2})
				require.NoError(rt, err)
			}
		}
		for range rounds {
			e.dir.users, e.dir.of[secondDirectory].users, e.dir.of[thirdDirectory].users = listed("one"), listed("two"), listed("three")
			e.queue.decided = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"one-1", "two-1"}), 0, 2, rapid.ID[string]).Draw(rt, "decided")
			dryRun, dry := e.fleet(rt, syncengine.TypeAllTenants, true)
			run, real := e.fleet(rt, syncengine.TypeAllTenants, false)
			require.Len(rt, dry, 3)
			require.Len(rt, real, 3)
			for i := range real {
				require.Equal(rt, real[i].ManagedTenantID, dry[i].ManagedTenantID)
				require.Equal(rt, real[i].Counters, dry[i].Counters, "directory %d", i)
				require.Equal(rt, real[i].State, dry[i].State)
				require.Equal(rt, real[i].Held, dry[i].Held)
				require.Equal(rt, real[i].Ambiguous, dry[i].Ambiguous)
				require.Equal(rt, real[i].Filtered, dry[i].Filtered)
			}
			require.Equal(rt, e.fleetReport(run), e.fleetReport(dryRun))
		}
	})
}

// TestAPreflightSupposesTheClientThatASyncMakes: it has no id yet, and nothing is made.
func TestAPreflightSupposesTheClientThatASyncMakes(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.severalDirectories()
	e.dir.users = []syncengine.User{person("one-1", "Ann", "ann@c.de")}
	e.dir.of[secondDirectory].users = []syncengine.User{person("two-1", "Ann", "ann@c.de")}
	e.dir.of[thirdDirectory].users = []syncengine.User{person("three-1", "Ann", "ann@c.de")}
	e.queue.decided = []string{"three-1"} // under another client
	_, dry := e.fleet(t, syncengine.TypeInitial, true)
	require.Len(t, dry, 3)
	require.Equal(t, syncengine.Counters{Created: 1}, dry[0].Counters)
	require.Equal(t, map[string]int{"contact_already_linked": 1}, dry[1].Ambiguous, "the first directory would have made the contact")
	require.Equal(t, syncengine.Counters{Created: 1}, dry[2].Counters)
	require.Equal(t, client, dry[1].MappedClient())
	require.Empty(t, dry[2].MappedClient())
	require.Empty(t, e.mapping.created)
	require.Zero(t, e.count(`SELECT count(*) FROM contacts`)+e.count(`SELECT count(*) FROM directories`)+e.count(`SELECT count(*) FROM client_heads`))
	require.Eventually(t, func() bool {
		return e.count(`SELECT count(*) FROM pg_class WHERE relname = 'supposed'`) == 0
	}, time.Minute, 10*time.Millisecond, "no round after it sees what was supposed")

	for _, req := range []syncengine.NewRun{
		{Type: syncengine.TypeAllTenants, DryRun: true, Trigger: syncengine.TriggerSchedule},
		{Type: syncengine.TypeSingleClient, ClientID: client, DryRun: true, Trigger: syncengine.TriggerManual},
	} {
		run, _, err := e.ask(req)
		require.NoError(t, err)
		_, total, err := e.begin.Do(e.ctx(), run.ID)
		require.NoError(t, err)
		require.Equal(t, 2, total, "no sync of this kind makes the client of the third")
	}
}

// TestAPreflightThatIsTriedAgainReportsAnew: what the first attempt reported was never
// written.
func TestAPreflightThatIsTriedAgainReportsAnew(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = []syncengine.User{person("o-ann", "Ann", "ann@c.de")}
	run := e.started(syncengine.TypeAllTenants, true)
	e.interrupted(run.ID, errors.New("lost"))
	e.dir.users = []syncengine.User{person("o-bea", "Bea", "bea@c.de")}
	_, err := e.sync.Do(e.ctx(), run.ID, managed, func(syncengine.Progress) error { return nil })
	require.NoError(t, err)
	require.Equal(t, []string{"o-bea created   [{fullName  Bea} {email  bea@c.de}]"}, e.brief(run.ID, syncengine.IdentityFilter{}))
}

// TestAPreflightOfChangesReportsEverybody: a preflight that asks Microsoft for what changed shows those too of
// whom the list of changes says nothing.
func TestAPreflightOfChangesReportsEverybody(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.dir.users = append(mixed(), people(3)...)
	e.round()
	e.dir.users[0].AccountEnabled = ptr(false)
	e.dir.users = append(e.dir.users, person("o-new", "New", "new@corp.example"))
	dry := e.do(syncengine.TypeAllTenants, true)
	require.NotEmpty(t, e.dir.asked[len(e.dir.asked)-1], "it asks for what changed")
	require.Equal(t, syncengine.Counters{Created: 1, Inactivated: 1, Unchanged: 4, Filtered: 2, Failed: 1}, dry.Counters)
	require.Equal(t, dry.Counters, e.countReported(dry.RunID))
	for _, i := range e.identities(dry.RunID, syncengine.IdentityFilter{Outcome: "unchanged"}) {
		require.NotEmpty(t, i.DisplayName)
		require.NotEmpty(t, i.UserPrincipalName)
		require.NotEmpty(t, i.ContactID)
	}
}
