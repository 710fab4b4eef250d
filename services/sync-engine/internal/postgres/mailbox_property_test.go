package postgres_test

import (
	"fmt"
	"net/mail"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// mailbox is the mailbox that a message comes to that somebody addresses with a text,
// as far as the text alone tells: by the standard library's parser, and none of our
// rules. What cannot be seen does not get into a message.
func mailbox(t require.TestingT, address string) string {
	address = strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cf, unicode.Cc) {
			return -1
		}
		return r
	}, strings.ReplaceAll(address, "’", "'"))
	address = strings.Trim(strings.TrimPrefix(address, "mailto:"), " \u00a0;,“”‘")
	if inner, ok := strings.CutPrefix(address, "'"); ok { // one alone is a character like any other
		if inner, ok = strings.CutSuffix(inner, "'"); ok {
			address = inner
		}
	}
	parsed, err := mail.ParseAddress(address)
	if err != nil { // letters that the parser does not know
		parsed = &mail.Address{Address: address}
	}
	at := strings.LastIndexByte(parsed.Address, '@')
	require.Positive(t, at, "no address: %q", address)
	domain, err := idna.Lookup.ToASCII(strings.TrimSuffix(parsed.Address[at+1:], "."))
	require.NoError(t, err, "%q", address)
	return norm.NFC.String(strings.ToLower(strings.Trim(parsed.Address[:at], `"`))) + "@" + domain
}

// TestOneContactForEachMailbox sends host records and directories full of invisible
// characters, quotes, brackets and separators through the engine: no two contacts of
// one client have addresses of one mailbox, unless the host made both.
func TestOneContactForEachMailbox(t *testing.T) {
	t.Parallel()
	e := setup(t)
	around := rapid.SampledFrom([]string{
		"", "", " ", "\u200b", "\ufeff", "\u00a0", "\u2060", "\u202a", "\u00ad", "\r\n", "\t", "'", `"`, "“", "”", "‘", "’", "<", ">", ";", ",", "mailto:", "Ann <", "; b@c.de",
	})
	core := rapid.SampledFrom([]string{
		"a@c.de", "A@C.DE", "a@c.de", "b@c.de", "o'neil@c.de", "o’neil@c.de", "é@bücher.example", "e\u0301@xn--bcher-kva.example", "É@BÜCHER.example", "a\u200b@c.de", "a@c\u00ad.de", "a@c。de", `"a"@c.de`,
	})
	field := rapid.Custom(func(t *rapid.T) string {
		open := around.Draw(t, "before") + around.Draw(t, "before too")
		return open + core.Draw(t, "address") + around.Draw(t, "after") + around.Draw(t, "after too")
	})
	histories(t, ofCheap, func(rt *rapid.T) {
		e.forget()
		e.setting("guard_min_count", 1000)
		for round := range 2 {
			for i, email := range rapid.SliceOfN(field, 0, 4).Draw(rt, "host") {
				e.host(syncengine.ContactRecord{ExternalID: ptr(fmt.Sprint(round, i)), ClientID: ptr(client), FullName: "N", Email: &email})
			}
			e.dir.users = []syncengine.User{person("o-sure", "Sure", "sure@c.de")}
			for i, email := range rapid.SliceOfN(field, 0, 5).Draw(rt, "upstream") {
				u := person(fmt.Sprintf("o-%d", i), "Ann", "")
				switch rapid.IntRange(0, 3).Draw(rt, "where") {
				case 0:
					u.Mail = email
				case 1:
					u.ProxyAddresses = []string{"SMTP:" + email}
				case 2:
					u.ProxyAddresses = []string{"smtp:" + email}
				case 3:
					u.UserPrincipalName = email
				}
				e.dir.users = append(e.dir.users, u)
			}
			e.round()
		}
		made := map[string]string{}
		for _, line := range e.rows(`SELECT made_by || ' ' || COALESCE(external_id, '-'), email FROM contacts WHERE NOT deleted AND email <> ''`) {
			by, email, _ := strings.Cut(line, " ")
			external, email, _ := strings.Cut(email, " ")
			if external != "-" {
				by = "host" // or adopted by it
			}
			box := mailbox(rt, email)
			if before, twice := made[box]; twice {
				require.Equal(rt, "host host", before+" "+by, "two contacts for %q", box)
			}
			made[box] = by
		}
	})
}
