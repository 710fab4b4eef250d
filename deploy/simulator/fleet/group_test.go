package fleet_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

// The count of a group's members is that of walking through them, whatever
// an administrator did.
func TestMemberCount(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		f := newFleet(rt, fleet.Tiny, rapid.Uint64().Draw(rt, "seed"))
		tenant := f.Customers()[0]
		for range rapid.IntRange(0, 30).Draw(rt, "changes") {
			group := rapid.SampledFrom(f.Groups(tenant.Index)).Draw(rt, "group")
			slot := rapid.IntRange(0, f.Slots(tenant.Index)-1).Draw(rt, "slot")
			u, _ := f.At(tenant.Index, slot)
			kind := rapid.SampledFrom([]fleet.ChangeKind{fleet.Grow, fleet.Delete, fleet.Restore, fleet.Member, fleet.Member}).Draw(rt, "kind")
			c := fleet.Change{Kind: kind, Tenant: tenant.ID, User: u.ID, Group: group.ID, Count: 1, Remove: rapid.Bool().Draw(rt, "remove")}
			_, _ = f.Apply(c) // who is deleted cannot be deleted again
		}
		for _, group := range f.Groups(tenant.Index) {
			walked := 0
			for range f.Members(tenant.Index, group) {
				walked++
			}
			require.Equal(rt, walked, f.MemberCount(tenant.Index, group))
		}
	})
}
