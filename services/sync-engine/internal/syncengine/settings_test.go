package syncengine_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// TestTheFingerprintCoversWhatDecidesAndNothingElse: each change of it costs a full
// listing, and each that it misses leaves decisions as they were.
func TestTheFingerprintCoversWhatDecidesAndNothingElse(t *testing.T) {
	t.Parallel()
	base := syncengine.Settings{CustomPatterns: []string{"a", "b"}, IntervalMinutes: 60}
	deciding := map[string]func(*syncengine.Settings){
		"guests":                      func(s *syncengine.Settings) { s.FilterGuests = true },
		"unlicensed":                  func(s *syncengine.Settings) { s.FilterUnlicensed = true },
		"serviceAccounts":             func(s *syncengine.Settings) { s.FilterServiceAccounts = true },
		"customPatterns":              func(s *syncengine.Settings) { s.CustomPatterns = []string{"a"} },
		"groups":                      func(s *syncengine.Settings) { s.Groups = []string{"g"} },
		"alwaysInclude":               func(s *syncengine.Settings) { s.AlwaysInclude = []string{"x"} },
		"neverInclude":                func(s *syncengine.Settings) { s.NeverInclude = []string{"x"} },
		"displayName":                 func(s *syncengine.Settings) { s.FieldDisplayName = true },
		"email":                       func(s *syncengine.Settings) { s.FieldEmail = true },
		"phone":                       func(s *syncengine.Settings) { s.FieldPhone = true },
		"role":                        func(s *syncengine.Settings) { s.FieldRole = true },
		"upn":                         func(s *syncengine.Settings) { s.FieldUPN = true },
		"markInactiveWhenDisabled":    func(s *syncengine.Settings) { s.MarkInactiveWhenDisabled = true },
		"allowSameEmailAcrossClients": func(s *syncengine.Settings) { s.AllowSameEmailAcrossClients = true },
	}
	seen := map[string]string{base.Fingerprint(): "as it was"}
	for name, change := range deciding {
		s := base
		change(&s)
		require.Empty(t, seen[s.Fingerprint()], name)
		seen[s.Fingerprint()] = name
	}
	for name, change := range map[string]func(*syncengine.Settings){
		"automaticSync": func(s *syncengine.Settings) { s.AutomaticSync = true }, "intervalMinutes": func(s *syncengine.Settings) { s.IntervalMinutes = 15 },
		"guard":   func(s *syncengine.Settings) { s.GuardMinCount, s.GuardPercent = 9, 99 },
		"order":   func(s *syncengine.Settings) { s.CustomPatterns = []string{"b", "a"} },
		"empty":   func(s *syncengine.Settings) { s.Groups = []string{} },
		"members": func(s *syncengine.Settings) { s.Members = syncengine.NewMembers([]string{"x"}) },
	} {
		s := base
		change(&s)
		require.Equal(t, base.Fingerprint(), s.Fingerprint(), name)
	}
	require.Equal(t, []string{"a", "b"}, base.CustomPatterns)
}

func TestMembersAreFoundWhateverTheirOrder(t *testing.T) {
	t.Parallel()
	ids := []string{"33333333-3333-4333-8333-333333333333", "A1", "b2", "a1", ""}
	m := syncengine.NewMembers(ids)
	for _, id := range ids {
		require.True(t, m.Has(id), id)
	}
	require.False(t, m.Has("c3"))
	slices.Reverse(ids)
	require.Equal(t, m.Bytes(), syncengine.NewMembers(ids).Bytes())
	kept, err := syncengine.ReadMembers(m.Bytes())
	require.NoError(t, err)
	require.Equal(t, m, kept)
	for _, bad := range [][]byte{nil, {0x80}, {1, 2, 3}} {
		_, err := syncengine.ReadMembers(bad)
		require.Error(t, err)
	}
}

// TestWhoEntersOrLeavesIsNamed by the id that the directory has, up to a number.
func TestWhoEntersOrLeavesIsNamed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		ids := rapid.SliceOfDistinct(rapid.SampledFrom([]string{
			"33333333-3333-4333-8333-333333333333", "33333333-3333-4333-8333-33333333333a", "ffffffff-3333-4333-8333-333333333333", "o-1", "o-2", "o-3",
		}), rapid.ID[string])
		before, now := ids.Draw(rt, "before"), ids.Draw(rt, "now")
		var want []string
		for _, id := range slices.Concat(before, now) {
			if slices.Contains(before, id) != slices.Contains(now, id) {
				want = append(want, id)
			}
		}
		kept, err := syncengine.ReadMembers(syncengine.NewMembers(before).Bytes())
		require.NoError(rt, err)
		most := rapid.IntRange(0, 7).Draw(rt, "most")
		got, few := syncengine.NewMembers(now).Changed(kept, most)
		require.Equal(rt, len(want) <= most, few)
		if few {
			require.ElementsMatch(rt, want, got)
		}
	})
}
