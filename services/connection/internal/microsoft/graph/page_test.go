package graph

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

func parse(t testing.TB, body string) page {
	t.Helper()
	var p page
	require.NoError(t, parsePage([]byte(body), &p))
	return p
}

func TestAPageIsReadWhole(t *testing.T) {
	t.Parallel()
	p := parse(t, ` {"@odata.context":"https://graph/$metadata#users","@odata.nextLink":"https:\/\/graph\/next?$skiptoken=\u0041b",
		"value":[{"id":"1","userPrincipalName":"ann@contoso.com","mail":null,"displayName":"Ann \"Ü\" \ud83d\ude00 \u0000","accountEnabled":true,
		"userType":"Member","businessPhones":["+1 2"],"proxyAddresses":[],"assignedLicenses":[{"skuId":"a","disabledPlans":[]},{"skuId":"b"}],
		"surname":"","otherMails":null,"manager":{"deep":[1,-2.5e+3,{"x":null}]}},{"id":"2","accountEnabled":false,"userType":"Guest"}]}`)
	require.Equal(t, "https://graph/next?$skiptoken=Ab", p.nextLink)
	require.Empty(t, p.deltaLink)
	require.Len(t, p.users, 2)
	u := p.users[0]
	require.Equal(t, connection.User{
		EntraObjectID: "1", UserPrincipalName: connection.Text{Presence: connection.Set, Value: "ann@contoso.com"},
		Mail:        connection.Text{Presence: connection.Null},
		DisplayName: connection.Text{Presence: connection.Set, Value: "Ann \"Ü\" 😀 \x00"},
		Surname:     connection.Text{Presence: connection.Set}, AccountEnabled: connection.Flag{Presence: connection.Set, Value: true},
		UserType:             connection.Text{Presence: connection.Set, Value: "Member"},
		BusinessPhones:       connection.Texts{Presence: connection.Set, Values: []string{"+1 2"}},
		ProxyAddresses:       connection.Texts{Presence: connection.Set},
		OtherMails:           connection.Texts{Presence: connection.Null},
		AssignedLicenceCount: connection.Number{Presence: connection.Set, Value: 2},
	}, u)
	require.Equal(t, connection.Flag{Presence: connection.Set}, p.users[1].AccountEnabled)
	require.Equal(t, connection.Absent, p.users[1].Mail.Presence)
}

// TestANullInAListIsLeftOut: the person stays, and the other values do.
func TestANullInAListIsLeftOut(t *testing.T) {
	t.Parallel()
	u := parse(t, `{"value":[{"id":"1","businessPhones":[null,"+1 2"],"otherMails":[null],"proxyAddresses":["SMTP:a@b.c",null,"smtp:d@b.c"]}]}`).users[0]
	require.Empty(t, u.Defect)
	require.Equal(t, connection.Texts{Presence: connection.Set, Values: []string{"+1 2"}}, u.BusinessPhones)
	require.Equal(t, connection.Texts{Presence: connection.Set}, u.OtherMails)
	require.Equal(t, connection.Texts{Presence: connection.Set, Values: []string{"SMTP:a@b.c", "smtp:d@b.c"}}, u.ProxyAddresses)
}

func TestDefects(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ record, defect, id string }{
		{`{"id":"1","displayName":"x"}`, "", "1"},
		{`{"displayName":"x"}`, "missing_id", ""},
		{`{"id":null}`, "missing_id", ""},
		{`{"id":""}`, "missing_id", ""},
		{`{"id":17}`, "malformed", ""},
		{`{"id":"1","displayName":"` + "\xff" + `"}`, "invalid_utf8", "1"},
		{`{"id":"1","displayName":"\ud800"}`, "invalid_utf8", "1"},
		{`{"id":"1","displayName":"\udc00\ud800"}`, "invalid_utf8", "1"},
		{`{"id":"1","unknown":"` + "\xff" + `"}`, "invalid_utf8", "1"},
		{`{"id":"1","displayName":5}`, "malformed", "1"},
		{`{"id":"1","accountEnabled":"yes"}`, "malformed", "1"},
		{`{"id":"1","proxyAddresses":"SMTP:a@b.c"}`, "malformed", "1"},
		{`{"id":"1","proxyAddresses":["a",null]}`, "", "1"},
		{`{"id":"1","proxyAddresses":["a",5]}`, "malformed", "1"},
		{`{"id":"1","assignedLicenses":3}`, "malformed", "1"},
		{`{"id":"1","@removed":true}`, "malformed", "1"},
		{`{"@removed":{"reason":"changed"}}`, "missing_id", ""},
		{`"a string"`, "malformed", ""},
		{`null`, "malformed", ""},
		{`[]`, "malformed", ""},
	} {
		p := parse(t, `{"value":[`+c.record+`,{"id":"after"}]}`)
		require.Len(t, p.users, 2, c.record)
		require.Equal(t, c.defect, p.users[0].Defect, c.record)
		require.Equal(t, c.id, p.users[0].EntraObjectID, c.record)
		require.Equal(t, "after", p.users[1].EntraObjectID)
		require.Empty(t, p.users[1].Defect, "a broken record does not harm the next")
	}
}

func TestTombstones(t *testing.T) {
	t.Parallel()
	p := parse(t, `{"value":[{"id":"1","@removed":{"reason":"changed"}},{"@removed":{"reason":"deleted","x":[1]},"id":"2"}],"@odata.deltaLink":"https://graph/d"}`)
	require.Empty(t, p.users)
	require.Equal(t, []connection.RemovedUser{{EntraObjectID: "1", Reason: "changed"}, {EntraObjectID: "2", Reason: "deleted"}}, p.removed)
	require.Equal(t, "https://graph/d", p.deltaLink)
}

// TestWhatComesLastInAPageCounts: an identity may leave and come back between two
// changes, and Graph replays. A page must not say both of one.
func TestWhatComesLastInAPageCounts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var rows []string
		last := map[string]string{} // what the last row of an id says
		for i := range rapid.IntRange(0, 30).Draw(t, "rows") {
			id := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "id")
			if rapid.Bool().Draw(t, "removed") {
				rows, last[id] = append(rows, fmt.Sprintf(`{"id":%q,"@removed":{"reason":"%d"}}`, id, i)), fmt.Sprintf("removed %d", i)
				continue
			}
			rows, last[id] = append(rows, fmt.Sprintf(`{"id":%q,"displayName":"%d"}`, id, i)), fmt.Sprintf("user %d", i)
		}
		rows = append(rows, `{"displayName":"nobody"}`)
		p := page{}
		if err := parsePage([]byte(`{"value":[`+strings.Join(rows, ",")+`]}`), &p); err != nil {
			t.Fatal(err)
		}
		users, removed := map[string]string{}, map[string]string{}
		for _, u := range p.users {
			users[u.EntraObjectID] = "user " + u.DisplayName.Value
		}
		for _, r := range p.removed {
			removed[r.EntraObjectID] = "removed " + r.Reason
		}
		if users[""] != "user nobody" {
			t.Fatalf("lost who has no id: %+v", p.users)
		}
		for _, id := range []string{"a", "b", "c", "d"} {
			if users[id] != "" && removed[id] != "" || users[id]+removed[id] != last[id] {
				t.Fatalf("%q and %q, want %q of %s", users[id], removed[id], last[id], rows)
			}
		}
	})
}

func TestBodiesThatAreNoPage(t *testing.T) {
	t.Parallel()
	whole := `{"value":[{"id":"1","displayName":"Ann"}],"@odata.nextLink":"https://graph/n"}`
	for cut := range len(whole) {
		require.Error(t, parsePage([]byte(whole[:cut]), new(page)), "cut at %d", cut)
	}
	for _, body := range []string{
		``, `null`, `[]`, `{}`, `{"value":{}}`, `{"value":[{"id":"1"}]} x`, `{"value":[{"id":"1",}]}`, `{"value":[01]}`, `{"value":["\x"]}`,
		"{\"value\":[\"\n\"]}", `{"value":[],"@odata.nextLink":5}`, `{"value":[` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `]}`,
	} {
		require.Error(t, parsePage([]byte(body), new(page)), body)
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"17", "\ufeff17"} {
		n, err := count([]byte(good))
		require.NoError(t, err)
		require.EqualValues(t, 17, n)
	}
	for _, bad := range []string{"", "-1", "x", "1.5", "99999999999"} {
		_, err := count([]byte(bad))
		require.Error(t, err, bad)
	}
}

// FuzzPage holds the decoder against encoding/json: it takes nothing that is no
// JSON, and what it gives is valid text and the same as encoding/json reads.
func FuzzPage(f *testing.F) {
	f.Add([]byte(`{"value":[{"id":"1","displayName":"Ann","mail":null,"proxyAddresses":["SMTP:a@b.c"],"accountEnabled":true}],"@odata.nextLink":"n"}`))
	f.Add([]byte(`{"@odata.deltaLink":"d","value":[{"id":"1","@removed":{"reason":"changed"}},5,null,{"id":7},{"displayName":"\ud83d\ude00\u0000\\"}]}`))
	f.Add([]byte(`{"value":[{"id":"1"},{"id":"1","@removed":{"reason":"deleted"}},{"id":"2","@removed":{}},{"id":"2"}]}`))
	f.Add([]byte("{\"value\":[{\"id\":\"\xff\",\"surname\":\"\xc3\x28\"}]}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		var p page
		if err := parsePage(body, &p); err != nil {
			return
		}
		if !json.Valid(body) {
			t.Fatalf("took what is no JSON: %q", body)
		}
		var want struct {
			Value []json.RawMessage
		}
		// encoding/json takes keys in any case: compare only what it reads alike.
		if json.Unmarshal(body, &want) == nil && strings.Count(strings.ToLower(string(body)), `"value"`) == 1 {
			// Of an identity that left and came back, one row is left.
			mayLeave := strings.Contains(string(body), "removed") || strings.Contains(string(body), `\u`)
			if got := len(p.users) + len(p.removed); got > len(want.Value) || got < len(want.Value) && !mayLeave {
				t.Fatalf("%d records, want %d: %q", len(p.users)+len(p.removed), len(want.Value), body)
			}
		}
		for _, u := range p.users {
			for _, text := range []string{u.EntraObjectID, u.DisplayName.Value, u.Mail.Value, u.Surname.Value, u.UserType.Value} {
				if !utf8.ValidString(text) {
					t.Fatalf("gave invalid text: %q", text)
				}
			}
			if u.Defect == "" && u.EntraObjectID == "" {
				t.Fatalf("a user without an id and without a defect: %q", body)
			}
			if slices.ContainsFunc(p.removed, func(r connection.RemovedUser) bool { return r.EntraObjectID == u.EntraObjectID }) {
				t.Fatalf("%q is there and left: %q", u.EntraObjectID, body)
			}
		}
	})
}

// realisticPage is a page as Graph sends them.
func realisticPage(n int) []byte {
	var b strings.Builder
	b.WriteString(`{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#users","@odata.nextLink":"https://graph.microsoft.com/v1.0/users?$skiptoken=abc","value":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"%08x-0000-4000-8000-000000000001","userPrincipalName":"ann.smith%d@contoso.com","mail":"ann.smith%d@contoso.com",`+
			`"displayName":"Ann Smith %d","givenName":"Ann","surname":"Smith","accountEnabled":true,"userType":"Member","jobTitle":"Engineer",`+
			`"department":"Sales","mobilePhone":null,"businessPhones":["+1 555 0100"],"proxyAddresses":["SMTP:ann.smith%d@contoso.com","smtp:a%d@contoso.com"],`+
			`"otherMails":[],"assignedLicenses":[{"disabledPlans":[],"skuId":"f245ecc8-75af-4f8e-b61f-27d8114de5f3"}]}`, i, i, i, i, i, i)
	}
	b.WriteString(`]}`)
	return []byte(b.String())
}

// TestTheDecoderIsCheap keeps the number of allocations.
func TestTheDecoderIsCheap(t *testing.T) { // AllocsPerRun counts the whole process
	const users = 999
	body := realisticPage(users)
	var p page
	allocations := testing.AllocsPerRun(5, func() { require.NoError(t, parsePage(body, &p)) })
	require.LessOrEqual(t, allocations/users, 20.0)
}
