package syncengine_test

import (
	"cmp"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// labelled reads the accounts of a file in testdata, see there.
func labelled(t testing.TB, file string) (users []syncengine.User, languages int) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
			continue
		case line[0] == '[':
			languages++
			continue
		}
		field := append(strings.Split(strings.ReplaceAll(line, "-|", "|"), "|"), "")
		u := syncengine.User{ObjectID: line, GivenName: field[0], Surname: field[1], DisplayName: field[2], AccountEnabled: on()}
		if u.DisplayName == "=" {
			u.DisplayName = u.GivenName + " " + u.Surname
		}
		u.UserPrincipalName = field[3] + "@corp.example"
		u.Mail = cmp.Or(field[4], field[3]) + "@corp.example"
		users = append(users, u)
	}
	return users, languages
}

// judged is how the default patterns do on the labelled accounts.
type judged struct {
	people, kept, accounts, caught int
	wrong                          []string
}

func judge(t testing.TB) (j judged) {
	t.Helper()
	reader, err := syncengine.NewReader(syncengine.Settings{FilterServiceAccounts: true})
	require.NoError(t, err)
	people, languages := labelled(t, "people.txt")
	require.GreaterOrEqual(t, languages, 12)
	for i := range people {
		j.people++
		switch verdict := reader.Read(&people[i]).Verdict; verdict {
		case "":
			j.kept++
		case syncengine.FilterServiceAccount:
			j.wrong = append(j.wrong, "a person: "+people[i].ObjectID)
		default:
			t.Fatalf("%s: %s", people[i].ObjectID, verdict)
		}
	}
	accounts, languages := labelled(t, "service_accounts.txt")
	require.GreaterOrEqual(t, languages, 12)
	for i := range accounts {
		j.accounts++
		identity := reader.Read(&accounts[i])
		if identity.Verdict == syncengine.FilterServiceAccount {
			require.NotEmpty(t, identity.Pattern)
			j.caught++
		} else {
			j.wrong = append(j.wrong, "an account: "+accounts[i].ObjectID)
		}
	}
	return j
}

func TestTheDefaultPatternsKeepPeopleAndCatchServiceAccounts(t *testing.T) {
	t.Parallel()
	j := judge(t)
	require.GreaterOrEqual(t, j.people+j.accounts, 300)
	t.Logf("people kept %d of %d, service accounts caught %d of %d; wrong: %s", j.kept, j.people, j.caught, j.accounts, strings.Join(j.wrong, ", "))
	require.GreaterOrEqual(t, float64(j.kept)/float64(j.people), 0.998, j.wrong)
	require.GreaterOrEqual(t, float64(j.caught)/float64(j.accounts), 0.95, j.wrong)
}

// BenchmarkServiceAccountFilter tells, beside the time of an account, what the default
// patterns come to on the labelled accounts.
func BenchmarkServiceAccountFilter(b *testing.B) {
	j := judge(b)
	reader, err := syncengine.NewReader(syncengine.Settings{FilterServiceAccounts: true})
	require.NoError(b, err)
	people, _ := labelled(b, "people.txt")
	b.ResetTimer()
	for i := range b.N {
		reader.Read(&people[i%len(people)])
	}
	b.ReportMetric(float64(j.kept)/float64(j.people), "people-kept")
	b.ReportMetric(float64(j.caught)/float64(j.accounts), "recall")
	b.ReportMetric(float64(j.caught)/float64(j.caught+j.people-j.kept), "precision")
}

func TestPatternsOfServiceAccounts(t *testing.T) {
	t.Parallel()
	named := func(u *syncengine.User) { u.GivenName, u.Surname = "Given", "Surname" }
	for _, c := range []struct {
		name, upn, mail string
		change          func(*syncengine.User)
		pattern         string // empty for a person
	}{
		{name: "SVC Backup", change: named, pattern: "svc…"},
		{name: "svcs", upn: "svcs@c.de"},
		{name: "Service Account Backup", change: named, pattern: "service account…"},
		{name: "Service Accountant"},
		{name: "Azure AD Service\u00a0Account", change: named, pattern: "…service account"},
		{name: "Shared\u00a0Mailbox", change: named, pattern: "shared mailbox"},
		{name: "No\u2011Reply", change: named, pattern: "no-reply"},
		{name: "Moreno Reply", change: named},
		{name: "Moreno Reply"},
		{name: "Ａnn Ｎｏ＿Ｒｅｐｌｙ", change: named, pattern: "no-reply"},
		{name: "Notify", upn: "notify17@c.de", mail: "noreply@c.de", change: named, pattern: "no-reply"},
		{name: "Notify", upn: "noreply31@c.de", change: named, pattern: "no-reply"},
		{name: "On-Premises Directory Synchronization Service Account", upn: "Sync_DC01_1a2b@c.onmicrosoft.com", change: named, pattern: "sync_…"},
		{name: "On‑Premises Directory Synchronization Service Account", change: named, pattern: "on-premises directory synchronization service account"},
		{name: "Health", upn: "HealthMailbox0a1b@c.de", change: named, pattern: "healthmailbox…"},
		{name: "Sync", upn: "synchrona@c.de"},
		{name: "Migration", upn: "migrations@c.de"},
		{name: "Theo Bot", change: named},
		{name: "Theo Bot", change: func(u *syncengine.User) { u.GivenName, u.Surname = "Theo", "-" }, pattern: "bot"},
		{name: "Helpdesk\u2013Bot", pattern: "bot"},
		{name: "van der Bot", change: named},
		{name: "Salvador Costa", upn: "sa.costa@c.de", change: named},
		{name: "Veeam", upn: "sa.veeam@c.de", pattern: "sa…"},
		{name: "Systemd", upn: "systemd@c.de"},
		{name: "Robe\u0301bot", upn: "x@c.de"},
		{name: "गुप्त bot\u093e", upn: "x@c.de"},
	} {
		u := syncengine.User{ObjectID: "1", UserPrincipalName: cmp.Or(c.upn, "x@c.de"), Mail: c.mail, DisplayName: c.name, AccountEnabled: on()}
		if c.change != nil {
			c.change(&u)
		}
		got := read(t, u, nil)
		require.Equal(t, c.pattern, got.Pattern, "%q", c.name)
		require.Equal(t, c.pattern != "", got.Verdict == syncengine.FilterServiceAccount, "%q", c.name)
	}
}

func TestTheTenantsPatternIsKept(t *testing.T) {
	t.Parallel()
	got := read(t, syncengine.User{ObjectID: "1", UserPrincipalName: "intern.1@c.de", DisplayName: "Ann", AccountEnabled: on()}, func(s *syncengine.Settings) {
		s.CustomPatterns = []string{"^extern", "^intern"}
	})
	require.Equal(t, syncengine.FilterCustom, got.Verdict)
	require.Equal(t, "^intern", got.Pattern)
}
