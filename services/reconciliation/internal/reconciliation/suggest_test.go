package reconciliation

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// situation is a line of testdata/situations.txt.
type situation struct {
	line   string
	answer string
	Sighting
}

// situations reads them; the file says how they are written.
func situations(t testing.TB) (list []situation) {
	t.Helper()
	text, err := os.ReadFile("testdata/situations.txt")
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		parts := strings.Split(line, "|")
		require.GreaterOrEqual(t, len(parts), 3, line)
		answer, reason, _ := strings.Cut(strings.TrimSpace(parts[0]), " ")
		s := situation{line: line, answer: answer}
		s.Reason = Reason(strings.TrimSpace(reason))
		facts := factsOf(t, parts[1])
		s.EntraObjectID, s.DisplayName, s.Email, s.UserPrincipalName, s.Account = "o", facts.name, facts.address, facts.upn, facts.account
		for i, text := range each(parts[2]) {
			c := factsOf(t, text)
			candidate := Candidate{ContactID: "c" + strconv.Itoa(i+1), FullName: c.name, Email: c.address, Inactive: c.inactive}
			if c.linked != "" {
				candidate.LinkedTo, candidate.Linked = "other", &LinkedIdentity{State: LinkState(c.linked), UserPrincipalName: c.by}
			}
			s.Candidates = append(s.Candidates, candidate)
		}
		if len(parts) > 3 {
			for i, text := range each(parts[3]) {
				p := factsOf(t, text)
				s.Peers = append(s.Peers, Peer{EntraObjectID: "p" + strconv.Itoa(i+1), DisplayName: p.name, UserPrincipalName: p.address, Account: p.account})
			}
		}
		list = append(list, s)
	}
	return list
}

func each(text string) (list []string) {
	for part := range strings.SplitSeq(text, ";") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

// facts are what a situation says of a person.
type facts struct {
	name, address, upn, linked, by string
	inactive                       bool
	account                        Account
}

func factsOf(t testing.TB, text string) (f facts) {
	t.Helper()
	name, rest, found := strings.Cut(text, "<")
	address, flags, closed := strings.Cut(rest, ">")
	require.True(t, found && closed, text)
	yes := true
	f = facts{name: strings.TrimSpace(name), address: address, upn: address, account: Account{Enabled: &yes, UserType: "Member"}}
	for _, flag := range strings.Fields(flags) {
		key, value, _ := strings.Cut(flag, "=")
		switch key {
		case "lic":
			n, err := strconv.Atoi(value)
			require.NoError(t, err, text)
			f.account.Licences = &n
		case "guest":
			f.account.UserType = "Guest"
		case "inactive":
			f.inactive = true
		case "upn":
			f.upn = value
		case "linked":
			f.linked = value
		case "by":
			f.by = value
		default:
			t.Fatalf("%s: what is %s?", text, flag)
		}
	}
	return f
}

// given is the suggestion as a situation writes its answer; ? where there is none.
func given(s *Suggestion) string {
	switch {
	case s == nil:
		return "?"
	case s.Action == ResolveNew:
		return "new"
	case s.Action == ResolveExisting:
		return s.ContactID
	}
	return string(s.Action)
}

// TestSuggestionsAreRight counts over situations that people have answered how many
// suggestions are given, and how many of those are right.
func TestSuggestionsAreRight(t *testing.T) {
	t.Parallel()
	type tally struct{ all, answerable, given, right int }
	total, by := tally{}, map[Reason]*tally{}
	for _, s := range situations(t) {
		of := by[s.Reason]
		if of == nil {
			of = &tally{}
			by[s.Reason] = of
		}
		got := given(s.Suggest())
		for _, n := range []*tally{&total, of} {
			n.all++
			if s.answer != "?" {
				n.answerable++
			}
			if got != "?" {
				n.given++
				if got == s.answer {
					n.right++
				}
			}
		}
		if got != s.answer {
			t.Logf("suggested %s: %s", got, s.line)
		}
	}
	for reason, n := range by {
		t.Logf("%-26s %3d situations, %3d answerable, %3d suggestions, %3d right", reason, n.all, n.answerable, n.given, n.right)
	}
	precision, coverage := float64(total.right)/float64(total.given), float64(total.right)/float64(total.answerable)
	t.Logf("%d situations: precision %.3f (%d of %d given), coverage %.3f (%d of %d that can be answered)",
		total.all, precision, total.right, total.given, coverage, total.right, total.answerable)
	require.GreaterOrEqual(t, total.all, 200)
	require.GreaterOrEqual(t, precision, 0.98)
	require.GreaterOrEqual(t, coverage, 0.8)
}

// TestSuggestionsCanBeCarriedOut: none is one that the engine would refuse, and each says
// what speaks for it.
func TestSuggestionsCanBeCarriedOut(t *testing.T) {
	t.Parallel()
	for _, s := range situations(t) {
		suggestion := s.Suggest()
		if suggestion == nil {
			continue
		}
		require.NotEmpty(t, suggestion.For, s.line)
		require.Equal(t, suggestion.Action == ResolveExisting, suggestion.ContactID != "", s.line)
		for _, c := range s.Candidates {
			if c.ContactID == suggestion.ContactID {
				require.Empty(t, c.LinkedTo, s.line)
			}
		}
		require.Equal(t, fmt.Sprint(*suggestion), fmt.Sprint(*s.Suggest()), "the same facts give the same suggestion")
	}
}
