package expect_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/deploy/simulator/expect"
	"github.com/entrasync/entrasync/deploy/simulator/fleet"
)

func newFleet(t *testing.T, size fleet.Size, seed uint64) *fleet.Fleet {
	t.Helper()
	f, err := fleet.New(fleet.Config{Size: size, Seed: seed, Year: 2026})
	require.NoError(t, err)
	return f
}

func everyPair(f *fleet.Fleet) []expect.Pair {
	return expect.AutoMatched(f)
}

// Every identity is counted once, the small fleet holds every case, and near
// misses are no service accounts.
func TestInitialCountsEveryIdentityOnce(t *testing.T) {
	t.Parallel()
	for _, size := range []fleet.Size{fleet.Tiny, fleet.Small} {
		for seed := range uint64(4) {
			f := newFleet(t, size, seed)
			pairs := everyPair(f)
			out, err := expect.Initial(f, pairs)
			require.NoError(t, err)
			require.Len(t, out, len(pairs))
			reasons := map[string]int{}
			for _, p := range pairs {
				tenant, _ := f.Tenant(p.TenantID)
				o := out[p.TenantID]
				require.Equal(t, tenant.Generated, o.Created+o.Linked+expect.Sum(o.Ambiguous)+expect.Sum(o.Filtered)+expect.Sum(o.Failed))
				require.Len(t, o.Decisions, tenant.Generated)
				reasons["created"] += o.Created
				reasons["linked"] += o.Linked
				for _, by := range []map[string]int{o.Ambiguous, o.Filtered, o.Failed} {
					for reason, n := range by {
						reasons[reason] += n
					}
				}
			}
			require.NotZero(t, reasons["created"])
			if size == fleet.Small {
				requireNoPersonIsAMachine(t, f, out)
				for _, reason := range []string{"linked", "account_disabled", "account_state_unknown", "service_account", "duplicate_identity_email", "multiple_email_matches"} {
					require.NotZero(t, reasons[reason], reason)
				}
			}
		}
	}
}

func TestSmallFleetHoldsEveryMappingCase(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		f := newFleet(t, fleet.Small, seed)
		require.Len(t, expect.Discoverable(f), 12)
		exact, secondary := expect.ExactMatches(f), expect.SecondaryMatches(f)
		var nobody, fuzzyOnly, secondaryOnly, several int
		for _, tenant := range expect.Discoverable(f) {
			best := 0.0
			for c := range f.MSP().Clients() {
				best = max(best, expect.NameScore(tenant.DisplayName, c.Name))
			}
			switch {
			case len(exact[tenant.ID]) > 1:
				several++
			case len(exact[tenant.ID]) == 1:
			case len(secondary[tenant.ID]) > 0:
				secondaryOnly++
				require.Less(t, best, 0.58, tenant.DisplayName)
			case best >= 0.58:
				fuzzyOnly++
				require.Greater(t, best, 0.7, "far from the threshold")
			default:
				nobody++
				require.Less(t, best, 0.5, "far from the threshold: %s", tenant.DisplayName)
			}
		}
		require.Equal(t, []int{1, 1, 1, 1}, []int{nobody, fuzzyOnly, secondaryOnly, several})
		require.Len(t, expect.AutoMatched(f), 8)
	}
}

// requireNoPersonIsAMachine holds names that only look like machines to be people.
func requireNoPersonIsAMachine(t *testing.T, f *fleet.Fleet, out map[string]expect.Outcome) {
	t.Helper()
	near := 0
	for id, o := range out {
		tenant, _ := f.Tenant(id)
		for u := range f.Users(tenant.Index) {
			d := o.Decisions[u.ID]
			if strings.Contains(u.Surname.Or(""), "bot") {
				near++
				require.NotEqual(t, "service_account", d.Reason, u.DisplayName.Value)
			}
			if d.Reason == "service_account" {
				require.Equal(t, fleet.Unset, u.Surname.State, "a person was taken for a machine: %s", u.DisplayName.Value)
			}
		}
	}
	require.Greater(t, near, 20)
}

func TestBrokenUsersFailAndChangesCount(t *testing.T) {
	t.Parallel()
	f := newFleet(t, fleet.Tiny, 1)
	pairs := everyPair(f)
	before, err := expect.Initial(f, pairs)
	require.NoError(t, err)
	tenant := pairs[0].TenantID
	add := func(c fleet.Change) {
		c.Kind, c.Tenant = fleet.Add, tenant
		if c.Set == nil {
			c.Set = map[string]json.RawMessage{}
		}
		c.Set["userPrincipalName"] = json.RawMessage(`"new.one@example.org"`)
		_, err := f.Apply(c)
		require.NoError(t, err)
	}
	add(fleet.Change{Omit: []string{"id"}})
	add(fleet.Change{Bytes: map[string][]byte{"displayName": {0xff}}})
	add(fleet.Change{Set: map[string]json.RawMessage{"displayName": json.RawMessage(`"` + strings.Repeat("x", 257) + `"`)}})
	add(fleet.Change{Set: map[string]json.RawMessage{"displayName": json.RawMessage(`"A Bot"`)}})
	add(fleet.Change{Set: map[string]json.RawMessage{"displayName": json.RawMessage(`"A Talbot"`)}})
	after, err := expect.Initial(f, pairs)
	require.NoError(t, err)
	o := after[tenant]
	require.Equal(t, map[string]int{expect.MissingID: 1, expect.InvalidText: 1, expect.NameTooLong: 1}, o.Failed)
	require.Equal(t, before[tenant].Filtered["service_account"]+1, o.Filtered["service_account"])
	require.Equal(t, before[tenant].Created+1, o.Created)
}

// TestOddAccountsComeOutAsTheRulesSay looks at the slots of every hundred at which the
// fleet has what a simple sync gets wrong.
func TestOddAccountsComeOutAsTheRulesSay(t *testing.T) {
	t.Parallel()
	f := newFleet(t, fleet.Small, 1)
	pairs := everyPair(f)
	out, err := expect.Initial(f, pairs)
	require.NoError(t, err)
	seen := map[int]int{}
	for _, p := range pairs {
		tenant, _ := f.Tenant(p.TenantID)
		for u := range f.Users(tenant.Index) {
			offset, d := u.Slot%100, out[p.TenantID].Decisions[u.ID]
			seen[offset]++
			switch offset {
			case 40, 41, 45, 46, 47, 48, 70, 71: // people, whose contact the host may have, or have twice
				require.NotEqual(t, expect.Filtered, d.Class, "slot %d: %s", u.Slot, d.Reason)
				require.NotEqual(t, "duplicate_identity_email", d.Reason, "slot %d", u.Slot)
			case 42:
				require.Equal(t, expect.Created, d.Class)
				require.Equal(t, u.OtherMails[0], d.Email)
			case 43:
				require.Equal(t, "no_address", d.Reason)
			case 44, 49, 50:
				require.Equal(t, "service_account", d.Reason, "slot %d", u.Slot)
			case 53:
				require.Equal(t, "alias_match", d.Reason, "slot %d", u.Slot)
			case 54, 57:
				require.Equal(t, expect.Created, d.Class, "slot %d: %s", u.Slot, d.Reason)
			case 51, 52, 55, 56:
				require.Equal(t, expect.Linked, d.Class, "slot %d: %s", u.Slot, d.Reason)
			}
		}
	}
	for _, offset := range []int{40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 70, 71} {
		require.Greater(t, seen[offset], 10, "slot %d", offset)
	}
}

// TestWhatHappensLaterComesOutAsTheRulesSay: accounts that were made again, and contacts
// that the host merged or deleted.
func TestWhatHappensLaterComesOutAsTheRulesSay(t *testing.T) {
	t.Parallel()
	f := newFleet(t, fleet.Small, 1)
	pairs := everyPair(f)
	state, err := expect.First(f, pairs)
	require.NoError(t, err)
	first := state.Outcomes
	slots := map[string]int{}
	for _, p := range pairs {
		tenant, _ := f.Tenant(p.TenantID)
		for u := range f.Users(tenant.Index) {
			slots[u.ID] = u.Slot % 100
		}
	}
	made := map[string]bool{}
	for change := range f.Later() {
		ids, err := f.Apply(change)
		require.NoError(t, err)
		if change.Kind == fleet.Add {
			made[ids[0]] = true
		}
	}
	require.NoError(t, state.Next(f, slices.Collect(f.MSP().LaterContacts())))
	seen := map[string]int{}
	for _, p := range pairs {
		o := state.Outcomes[p.TenantID]
		for id, d := range o.Decisions {
			was := first[p.TenantID].Decisions[id]
			what := string(d.Class) + " " + d.Reason
			switch slots[id] {
			case 54:
				require.Fail(t, "its contact is the new account's: "+what)
			case 55:
				require.Equal(t, expect.Linked, d.Class)
				require.Equal(t, was.ContactExternalID+"-old", d.ContactExternalID, "the survivor")
			case 56:
				require.Equal(t, "ambiguous contact_deleted", what)
			case 57:
				require.Equal(t, "inactivated deleted_upstream", what)
			default:
				if made[id] {
					require.Contains(t, []string{"linked ", "ambiguous contact_already_linked"}, what)
				} else if was.Class == expect.Created || was.Class == expect.Linked {
					require.Equal(t, "unchanged ", what)
				} else {
					require.Equal(t, was, d)
				}
				if !made[id] {
					continue
				}
			}
			seen[what]++
		}
		require.Equal(t, o.Inactivated, o.Ambiguous["contact_already_linked"]-first[p.TenantID].Ambiguous["contact_already_linked"], "somebody else got the address")
	}
	for _, what := range []string{"linked ", "ambiguous contact_already_linked", "ambiguous contact_deleted", "inactivated deleted_upstream"} {
		require.Greater(t, seen[what], 10, what)
	}
}

func TestOddAddressesAndTexts(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"\ufeffa@x.de": "a@x.de", "<A@x.de>": "a@x.de", "mailto:a@x.de": "a@x.de", "'a@x.de'": "a@x.de", "a@x.de;": "a@x.de", "Ann <a@x.de>": "a@x.de",
		"o’b@x.de": "o'b@x.de", "a@x.de; b@x.de": "", "a b@x.de": "", "n/a": "",
	} {
		got, _ := expect.Address(raw)
		require.Equal(t, want, got, "%q", raw)
	}
}
