package syncengine_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

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
		"members":                     func(s *syncengine.Settings) { s.Members = syncengine.NewMembers([]string{"x"}) },
		"other members":               func(s *syncengine.Settings) { s.Members = syncengine.NewMembers([]string{"x", "y"}) },
		"no members":                  func(s *syncengine.Settings) { s.Members = syncengine.NewMembers(nil) },
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
		"guard": func(s *syncengine.Settings) { s.GuardMinCount, s.GuardPercent = 9, 99 },
		"order": func(s *syncengine.Settings) { s.CustomPatterns = []string{"b", "a"} },
		"empty": func(s *syncengine.Settings) { s.Groups = []string{} },
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
	a, err := m.MarshalText()
	require.NoError(t, err)
	b, err := syncengine.NewMembers(ids).MarshalText()
	require.NoError(t, err)
	require.Equal(t, a, b)
}
