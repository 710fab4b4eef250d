package fleet_test

import (
	"encoding/json"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

func newFleet(t require.TestingT, size fleet.Size, seed uint64) *fleet.Fleet {
	f, err := fleet.New(fleet.Config{Size: size, Seed: seed, Year: 2026})
	require.NoError(t, err)
	return f
}

func TestSizes(t *testing.T) {
	t.Parallel()
	for size, want := range map[fleet.Size][2]int{
		fleet.Tiny: {3, 60}, fleet.Small: {12, 6000}, fleet.Large: {200, 200_000}, fleet.OneLarge: {1, 100_000},
		fleet.OneHuge: {1, 1_000_000},
	} {
		f := newFleet(t, size, 1)
		managed := f.Customers()[:want[0]]
		users := 0
		ids, domains, names := map[string]bool{}, map[string]bool{}, map[string]bool{}
		for _, tenant := range f.Customers() {
			if tenant.Index <= len(managed) {
				users += tenant.Generated
			}
			require.Positive(t, tenant.Generated)
			ids[tenant.ID], names[tenant.DisplayName] = true, true
			for _, d := range tenant.Domains {
				require.False(t, domains[d.Name], "domain %s twice", d.Name)
				domains[d.Name] = true
			}
		}
		require.Equal(t, want[1], users, size)
		require.Len(t, ids, len(f.Customers()))
		require.Len(t, names, len(f.Customers()))
	}
	wide := newFleet(t, fleet.Wide, 1)
	require.Len(t, wide.Customers(), 2000)
	require.Len(t, wide.Relationships(), 2000)
	ids, domains, names := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, tenant := range wide.Customers() {
		require.GreaterOrEqual(t, tenant.Generated, 3)
		require.LessOrEqual(t, tenant.Generated, 20)
		ids[tenant.ID], names[tenant.DisplayName] = true, true
		for _, d := range tenant.Domains {
			require.False(t, domains[d.Name], "domain %s twice", d.Name)
			require.Regexp(t, `^[a-z0-9-]+(\.[a-z0-9-]+)+$`, d.Name)
			domains[d.Name] = true
		}
	}
	require.Len(t, ids, 2000)
	require.Len(t, names, 2000)
	_, err := fleet.New(fleet.Config{Size: "medium"})
	require.Error(t, err)
}

// A user is a pure function of seed, tenant and slot, whatever was asked before.
func TestUsersArePure(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		a, b := newFleet(rt, fleet.Small, seed), newFleet(rt, fleet.Small, seed)
		tenant := rapid.IntRange(1, 12).Draw(rt, "tenant")
		for _, slot := range rapid.SliceOfN(rapid.IntRange(0, a.Slots(tenant)-1), 1, 20).Draw(rt, "slots") {
			ua, _ := a.At(tenant, slot)
			a.At(tenant, (slot*7)%a.Slots(tenant))
			ub, _ := b.At(tenant, slot)
			require.Equal(rt, ua, ub)
			again, _ := a.At(tenant, slot)
			require.Equal(rt, ua, again)
		}
	})
}

// Users are found by their ids and names without an index.
func TestUsersAreFound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		f := newFleet(rt, fleet.OneHuge, rapid.Uint64().Draw(rt, "seed"))
		slot := rapid.IntRange(0, 999_999).Draw(rt, "slot")
		u, _ := f.At(1, slot)
		for _, key := range []string{u.ID, strings.ToUpper(u.ID), u.UserPrincipalName.Value, strings.ToUpper(u.UserPrincipalName.Value)} {
			found, ok := f.Find(1, key)
			require.True(rt, ok, key)
			require.Equal(rt, slot, found)
		}
		_, ok := f.Find(0, u.ID)
		require.False(rt, ok, "not in another tenant")
		_, ok = f.Find(1, rapid.String().Draw(rt, "nonsense"))
		require.False(rt, ok)
	})
}

func TestIdentifiersAreUnique(t *testing.T) {
	t.Parallel()
	shape := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	f := newFleet(t, fleet.Small, 3)
	ids, upns := map[string]bool{}, map[string]bool{}
	for _, tenant := range append(f.Customers(), f.Partner()) {
		for u := range f.Users(tenant.Index) {
			require.Regexp(t, shape, u.ID)
			ids[u.ID] = true
			upns[strings.ToLower(u.UserPrincipalName.Value)] = true
		}
	}
	require.Len(t, ids, 6000+30+15+25)
	require.Len(t, upns, len(ids))
}

func TestNoiseOfRealDirectories(t *testing.T) {
	t.Parallel()
	f := newFleet(t, fleet.Small, 1)
	seen := map[string]int{}
	for u := range f.Users(1) {
		count := func(name string, yes bool) {
			if yes {
				seen[name]++
			}
		}
		mail := u.Mail.Or("")
		proxies := strings.Join(u.ProxyAddresses, " ")
		count("guest", u.UserType.Value == "Guest" && strings.Contains(u.UserPrincipalName.Value, "#EXT#@"))
		count("disabled", u.AccountEnabled.State == fleet.Set && !u.AccountEnabled.Value)
		count("shared mailbox", u.AccountEnabled.State == fleet.Set && !u.AccountEnabled.Value && len(u.LicenceSKUs) == 0)
		count("unknown state", u.AccountEnabled.State == fleet.Unset)
		count("no mail", mail == "")
		count("upper case", mail != "" && mail == strings.ToUpper(mail))
		count("alias", strings.Count(proxies, "smtp:") > 1)
		count("X500", strings.Contains(proxies, "X500:"))
		count("SIP", strings.Contains(proxies, "SIP:"))
		count("cleared", u.JobTitle.State == fleet.Cleared)
		count("never set", u.JobTitle.State == fleet.Unset)
		count("quotes", strings.ContainsAny(u.DisplayName.Value, "'’"))
		for name, script := range map[string]string{"latin": "éüøłñ", "cyrillic": "аеиок", "chinese": "王李伟", "arabic": "محخل"} {
			count(name, strings.ContainsAny(u.DisplayName.Value, script))
		}
	}
	for _, name := range []string{
		"guest", "disabled", "shared mailbox", "unknown state", "no mail", "upper case", "alias", "X500", "SIP", "cleared",
		"never set", "quotes", "latin", "cyrillic", "chinese", "arabic",
	} {
		require.Positive(t, seen[name], "no %s among 2,000 users", name)
	}
}

func TestChangesLieOverTheSeed(t *testing.T) {
	t.Parallel()
	f := newFleet(t, fleet.Tiny, 1)
	tenant := f.Customers()[0]
	u, _ := f.At(tenant.Index, 3)
	var journal []fleet.Change
	f.Observe(func(c fleet.Change) { journal = append(journal, c) })
	apply := func(c fleet.Change) error {
		c.Tenant = tenant.ID
		_, err := f.Apply(c)
		return err
	}
	require.NoError(t, apply(fleet.Change{Kind: fleet.Edit, User: u.ID, Set: map[string]json.RawMessage{
		"userPrincipalName": json.RawMessage(`"new@name.example"`), "otherMails": json.RawMessage(`["a@b.example"]`), "mail": json.RawMessage("null"),
	}}))
	_, ok := f.Find(tenant.Index, u.UserPrincipalName.Value)
	require.False(t, ok, "the old name is gone")
	require.NoError(t, apply(fleet.Change{Kind: fleet.Edit, User: "NEW@name.example", Set: map[string]json.RawMessage{"displayName": json.RawMessage(`"N"`)}}))
	require.Error(t, apply(fleet.Change{Kind: fleet.Edit, User: u.ID, Set: map[string]json.RawMessage{"mail": json.RawMessage("5")}}))
	require.NoError(t, apply(fleet.Change{Kind: fleet.Delete, User: u.ID}))
	require.ErrorIs(t, apply(fleet.Change{Kind: fleet.Delete, User: u.ID}), fleet.ErrNotFound)
	require.Equal(t, tenant.Generated-1, f.Count(tenant.Index))
	require.NoError(t, apply(fleet.Change{Kind: fleet.Restore, User: u.ID}))
	require.NoError(t, apply(fleet.Change{Kind: fleet.Grow, Count: 2}))
	require.Equal(t, tenant.Generated+2, f.Count(tenant.Index))

	// Replayed, the same changes give the same directory.
	again := newFleet(t, fleet.Tiny, 1)
	for _, c := range journal {
		_, err := again.Apply(c)
		require.NoError(t, err)
	}
	for slot := range f.Slots(tenant.Index) {
		want, wantGone := f.At(tenant.Index, slot)
		got, gotGone := again.At(tenant.Index, slot)
		require.Equal(t, want, got)
		require.Equal(t, wantGone, gotGone)
	}
	require.Equal(t, fleet.Cleared, func() fleet.State { u, _ := again.At(tenant.Index, 3); return u.Mail.State }())
}

// The MSP's records name only clients that exist, and no external id twice.
func TestMSPRecordsHangTogether(t *testing.T) {
	t.Parallel()
	f := newFleet(t, fleet.Large, 1)
	clients := map[string]bool{}
	for c := range f.MSP().Clients() {
		require.False(t, clients[c.ExternalID])
		clients[c.ExternalID] = true
	}
	ids := map[string]bool{}
	for c := range f.MSP().Contacts() {
		require.True(t, clients[c.ClientExternalID], c.ClientExternalID)
		require.False(t, ids[c.ExternalID])
		ids[c.ExternalID] = true
	}
	require.Greater(t, len(ids), 15_000)
}

// Walking a million users costs no memory that stays.
func TestMemoryIsConstant(t *testing.T) {
	f := newFleet(t, fleet.OneHuge, 1)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for slot := 0; slot < 1_000_000; slot += 10 {
		f.At(1, slot)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	require.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(1<<20))
}
