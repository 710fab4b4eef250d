package syncengine_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

func TestNormaliseAddress(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"  Ann+x.y@Corp.Example ": "ann+x.y@corp.example", "ü@Bücher.example": "ü@xn--bcher-kva.example",
		"a@b": "", "a@@b.c": "", "a b@c.de": "", "@c.de": "", "a@.de": "", "a@c.de.": "", "": "",
		strings.Repeat("a", 64) + "@c.de": strings.Repeat("a", 64) + "@c.de", strings.Repeat("a", 65) + "@c.de": "",
		"u\u0308@c.de": "ü@c.de", "a\x00@c.de": "",
	} {
		got, ok := syncengine.NormaliseAddress(in)
		require.Equal(t, want, got, "%q", in)
		require.Equal(t, want != "", ok, "%q", in)
	}
}

func FuzzNormaliseAddress(f *testing.F) {
	for _, seed := range []string{"a@b.de", "Ü@BÜCHER.de", "a@xn--bcher-kva.de", "\xff@b.de", "İ@b.de", "a@\u212a.de"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		once, ok := syncengine.NormaliseAddress(raw)
		if !ok {
			return
		}
		twice, ok := syncengine.NormaliseAddress(once)
		require.True(t, ok, "%q of %q", once, raw)
		require.Equal(t, once, twice)
		require.LessOrEqual(t, len(once), 254)
		require.NotContains(t, once, " ")
	})
}

func FuzzCompilePatterns(f *testing.F) {
	for _, seed := range []string{"^svc", "(", "a)|(b", "[", "\x00", "(?i", "a{1001}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		compiled, err := syncengine.CompilePatterns([]string{pattern})
		if err != nil {
			require.Equal(t, "invalid_pattern", errs.ReasonOf(err))
			return
		}
		compiled[0].MatchString("someone@corp.example")
	})
}

func TestInvalidPatternIsRefusedWithItsPosition(t *testing.T) {
	t.Parallel()
	_, err := syncengine.CompilePatterns([]string{"^ok", "ab(c"})
	var e *errs.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, "filters.customPatterns[1]", e.Violations()[0].Field)
	_, err = syncengine.CompilePatterns([]string{"a)|(b"})
	require.Error(t, err, "our own brackets must not balance theirs")
}

// read makes an identity of a user with the default settings, changed.
func read(t *testing.T, u syncengine.User, change func(*syncengine.Settings)) syncengine.Identity {
	t.Helper()
	settings := syncengine.Settings{FilterServiceAccounts: true}
	if change != nil {
		change(&settings)
	}
	reader, err := syncengine.NewReader(settings)
	require.NoError(t, err)
	return reader.Read(&u)
}

func on() *bool { yes := true; return &yes }

func TestServiceAccounts(t *testing.T) {
	t.Parallel()
	for name, filtered := range map[string]bool{
		"svc-backup": true, "sa_sql": true, "system": true, "Service Account": true, "System.Mailer": true, "No-Reply": true, "noreply orders": true,
		"do not reply": true, "Shared Mailbox Sales": true, "backup bot": true, "Automated Export": true, "mailer daemon": true,
		"Abbott": false, "Talbot": false, "Salma": false, "Sandra Svensson": false, "Systema": false, "Roboto": false, "Sa Nguyen": false,
	} {
		got := read(t, syncengine.User{ObjectID: "1", UserPrincipalName: "x@c.de", DisplayName: name, AccountEnabled: on()}, nil)
		require.Equal(t, filtered, got.Verdict == syncengine.FilterServiceAccount, name)
	}
	require.Equal(t, syncengine.FilterServiceAccount,
		read(t, syncengine.User{ObjectID: "1", UserPrincipalName: "svc.sql@c.de", DisplayName: "Ann", AccountEnabled: on()}, nil).Verdict)
}

func TestFirstFilterWins(t *testing.T) {
	t.Parallel()
	off := false
	guest := syncengine.User{ObjectID: "1", UserPrincipalName: "svc-x@c.de", AccountEnabled: &off, UserType: "Guest"}
	all := func(s *syncengine.Settings) {
		s.FilterGuests, s.FilterUnlicensed, s.CustomPatterns = true, true, []string{"^intern"}
	}
	require.Equal(t, syncengine.FilterDisabled, read(t, guest, all).Verdict)
	guest.AccountEnabled = nil
	require.Equal(t, syncengine.FilterUnknownState, read(t, guest, all).Verdict)
	guest.AccountEnabled, guest.UserPrincipalName = on(), "no address"
	require.Equal(t, syncengine.FilterMissingUPN, read(t, guest, all).Verdict)
	guest.UserPrincipalName = "Intern@c.de"
	require.Equal(t, syncengine.FilterCustom, read(t, guest, all).Verdict)
	guest.UserPrincipalName, guest.UserType = "a@c.de", "guest"
	require.Equal(t, syncengine.FilterGuest, read(t, guest, all).Verdict, "in any case")
	guest.UserType = "Member"
	require.Equal(t, syncengine.FilterUnlicensed, read(t, guest, all).Verdict)
	one := int32(1)
	guest.LicenceCount = &one
	require.Empty(t, read(t, guest, all).Verdict)
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	got := read(t, syncengine.User{
		ObjectID: "1", UserPrincipalName: "Upn@c.de", Mail: "Mail@C.de", GivenName: "Ann", Surname: "Lee", AccountEnabled: on(),
		ProxyAddresses: []string{"smtp:alias@c.de", "X500:/o=x", "SIP:s@c.de", "SMTP:primary@c.de", "smtp:MAIL@c.de"}, OtherMails: []string{"o@c.de", "junk"},
		BusinessPhones: []string{" 7 "}, JobTitle: " Boss ",
	}, nil)
	require.Equal(t, []string{"mail@c.de", "primary@c.de", "upn@c.de", "alias@c.de"}, got.Addresses)
	require.Equal(t, "Ann Lee", got.FullName)
	require.False(t, got.HasDisplayName)
	require.Equal(t, "Mail@C.de", got.Email)
	require.Equal(t, "7", got.Phone)
	require.Equal(t, "Boss", got.Role)
	require.Equal(t, "x", read(t, syncengine.User{ObjectID: "1", UserPrincipalName: "x@c.de", AccountEnabled: on()}, nil).FullName)
}

func TestReadNeverPanicsAndFailsForAReason(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		reader, err := syncengine.NewReader(syncengine.Settings{FilterServiceAccounts: true})
		require.NoError(t, err)
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "a@b.de", "x\x00", "\xff", "svc-1", strings.Repeat("n", 257)}))
		u := syncengine.User{
			ObjectID: text.Draw(t, "id"), UserPrincipalName: text.Draw(t, "upn"), Mail: text.Draw(t, "mail"), DisplayName: text.Draw(t, "name"),
			GivenName: text.Draw(t, "given"), ProxyAddresses: rapid.SliceOfN(text, 0, 4).Draw(t, "proxies"),
		}
		id := reader.Read(&u)
		require.NotContains(t, id.ObjectID, "\x00")
		if id.Failure == "" {
			require.NotEmpty(t, id.ObjectID)
			if id.Verdict == "" {
				require.NotEmpty(t, id.Addresses)
				require.NotEmpty(t, id.FullName)
			}
		}
	})
}
