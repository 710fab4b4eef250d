package graph

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/microsofttest"
	"github.com/entrasync/entrasync/services/connection/internal/outbound"
)

// encodingOf is what encoding/json makes of a body; ok is false where it is no JSON
// of that shape.
func encodingOf[T any](body []byte) (value T, ok bool) {
	ok = json.Unmarshal(body, &value) == nil
	return value, ok
}

// FuzzUser holds a user that stands by itself against the same user on a page.
func FuzzUser(f *testing.F) {
	f.Add([]byte(`{"id":"1","displayName":"Ann","mail":null,"proxyAddresses":["SMTP:a@b.c"],"assignedLicenses":[{},{}]}`))
	f.Add([]byte(`{"id":"1","@removed":{"reason":"changed"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		user, err := parseUser(body)
		var p page
		pageErr := parsePage(slices.Concat([]byte(`{"value":[`), body, []byte(`]}`)), &p)
		if err != nil {
			return
		}
		if pageErr != nil || len(p.users) != 1 || !slices.Equal(p.users[0].ProxyAddresses.Values, user.ProxyAddresses.Values) || p.users[0].EntraObjectID != user.EntraObjectID || p.users[0].Mail != user.Mail {
			t.Fatalf("by itself %+v, on a page %+v: %q", user, p.users, body)
		}
	})
}

// FuzzUserRoundTrip writes users with encoding/json and reads them back.
func FuzzUserRoundTrip(f *testing.F) {
	f.Add("1", "Ann \"Ü\" \U0001F600", "a@b.c", "SMTP:a@b.c", true, 2)
	f.Fuzz(func(t *testing.T, id, name, mail, address string, enabled bool, licences int) {
		for _, s := range []string{id, name, mail, address} {
			if !utf8.ValidString(s) {
				return // encoding/json would replace it
			}
		}
		if id == "" {
			return
		}
		licences = min(max(licences, 0), 50)
		body, err := json.Marshal(map[string]any{"value": []any{map[string]any{
			"id": id, "displayName": name, "mail": mail, "surname": nil, "accountEnabled": enabled, "proxyAddresses": []string{address, mail},
			"assignedLicenses": make([]struct{}, licences),
		}}})
		if err != nil {
			t.Fatal(err)
		}
		var p page
		if err := parsePage(body, &p); err != nil || len(p.users) != 1 {
			t.Fatalf("%v, %d users: %q", err, len(p.users), body)
		}
		u := p.users[0]
		set := func(s string) connection.Text { return connection.Text{Presence: connection.Set, Value: s} }
		if u.EntraObjectID != id || u.DisplayName != set(name) || u.Mail != set(mail) || u.Surname.Presence != connection.Null ||
			u.GivenName.Presence != connection.Absent || u.AccountEnabled.Value != enabled || !slices.Equal(u.ProxyAddresses.Values, []string{address, mail}) ||
			int(u.AssignedLicenceCount.Value) != licences || u.Defect != "" {
			t.Fatalf("read %+v of %q", u, body)
		}
	})
}

// FuzzGraphError: the code of an error is bounded, valid text, and the same that
// encoding/json reads.
func FuzzGraphError(f *testing.F) {
	f.Add(429, "7", []byte(`{"error":{"code":"TooManyRequests","message":"m","innerError":{"code":"429"}}}`))
	f.Add(400, "", []byte(`{"error":{"code":"","innererror":{}}}`))
	f.Add(410, "Sun, 01 Mar 2026 12:00:30 GMT", []byte(`{"error":"x"}`))
	f.Fuzz(func(t *testing.T, status int, after string, body []byte) {
		failure := readFailure("r", status, http.Header{"Retry-After": {after}}, body, time.Unix(1e9, 0))
		if len(failure.Code) > 64 || !utf8.ValidString(failure.Code) || failure.RetryAfter < 0 || failure.RetryAfter > outbound.LongestPause {
			t.Fatalf("%+v of %q", failure, body)
		}
		type graphError struct{ Error struct{ Code string } }
		if want, ok := encodingOf[graphError](body); failure.Code != "" && (!ok || !strings.HasPrefix(want.Error.Code, failure.Code)) {
			t.Fatalf("code %q of %q", failure.Code, body)
		}
		if connection.ClassOf(microsoft.ClassifyGraph(microsoft.AtCustomer, failure)) == connection.Reconnect {
			t.Fatalf("a customer's directory disconnected the partner: %d", status)
		}
	})
}

// FuzzBatch: each item has exactly one answer, or the whole batch counts as none.
func FuzzBatch(f *testing.F) {
	f.Add([]byte(`{"responses":[{"id":"1","status":200,"headers":{"request-id":"r"},"body":{"id":"a"}},{"id":"0","status":429,"headers":{"Retry-After":"3"},"body":{"error":{"code":""}}}]}`), 2)
	f.Add([]byte(`{"responses":[{"id":"00","status":200}]}`), 1)
	f.Add([]byte(`{"responses":[{"id":"0","status":200},{"id":"0","status":200}]}`), 2)
	f.Add([]byte(`{"responses":[{"id":"0","status":200,"body":"NDI="}]}`), 1)
	f.Fuzz(func(t *testing.T, body []byte, items int) {
		items = min(max(items, 1), batchMost)
		answers, err := parseBatch(body, items)
		if err != nil {
			return
		}
		if len(answers) != items {
			t.Fatalf("%d answers to %d items", len(answers), items)
		}
		type batch struct{ Responses []itemAnswer }
		want, ok := encodingOf[batch](body)
		if !ok || len(want.Responses) != items {
			t.Fatalf("took %q", body)
		}
		for i, a := range answers {
			if !slices.ContainsFunc(want.Responses, func(w itemAnswer) bool { return w.ID == a.ID && w.Status == a.Status }) {
				t.Fatalf("answer %d is nobody's: %q", i, body)
			}
			r := a.refusal(microsoft.AtCustomer, time.Unix(1e9, 0))
			if r.RetryAfter < 0 || r.RetryAfter > outbound.LongestPause || len(r.Code) > 64 || len(r.RequestID) > 64 {
				t.Fatalf("%+v of %q", r, body)
			}
			if n, err := countOf(a.Body); err == nil && n < 0 {
				t.Fatalf("a count of %d: %q", n, body)
			}
		}
	})
}

// FuzzOrganization: domains are not empty, each once, and the default is one of
// them.
func FuzzOrganization(f *testing.F) {
	f.Add([]byte(`{"value":[{"id":"t","verifiedDomains":[{"name":"a.example","isDefault":true},{"name":"a.example"},{"name":""}]}]}`))
	f.Add([]byte(`{"value":[{"verifiedDomains":null}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var d connection.Details
		if parseOrganization(body, &d) != nil {
			if len(d.Domains) > 0 {
				t.Fatalf("an error and domains: %q", body)
			}
			return
		}
		sorted := slices.Sorted(slices.Values(d.Domains))
		if slices.Contains(sorted, "") || len(slices.Compact(sorted)) != len(d.Domains) || d.PrimaryDomain != "" && !slices.Contains(d.Domains, d.PrimaryDomain) {
			t.Fatalf("%+v of %q", d, body)
		}
	})
}

// FuzzTenantPages: what lists managed tenants reads whole pages only, and returns no
// tenant without an id or one that Microsoft made for itself.
func FuzzTenantPages(f *testing.F) {
	f.Add([]byte(`{"value":[{"displayName":"x","customer":{"tenantId":"A","displayName":"n"},"autoExtendDuration":"P180D","endDateTime":"2027-01-01T00:00:00Z"}],"@odata.nextLink":"n"}`))
	f.Add([]byte(`{"value":[{"customerId":"a","defaultDomainName":"d","displayName":"n"}]}`))
	f.Add([]byte(`{"value":[{"tenantId":"a","displayName":"n","contract":{"displayName":"c","defaultDomainName":"d"}}]}`))
	f.Add([]byte(`{"value":[{"displayName":"MLT_x","customer":{"tenantId":"a"}},{"id":5}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		type list struct{ Value []json.RawMessage }
		want, _ := encodingOf[list](body)
		relationships, _, err := parseRows[relationship](body)
		if err == nil && len(relationships) != len(want.Value) {
			t.Fatalf("%d of %d rows: %q", len(relationships), len(want.Value), body)
		}
		found := map[string]*customer{}
		for _, r := range relationships {
			addRelationship(found, r)
		}
		for id, c := range found {
			if id == "" || id != strings.ToLower(id) || c.renews && c.ends() != nil {
				t.Fatalf("%q: %+v of %q", id, c, body)
			}
		}
		if len(found) > len(relationships) {
			t.Fatalf("%d tenants of %d rows", len(found), len(relationships))
		}
		if rows, _, err := parseRows[contract](body); err == nil && len(rows) != len(want.Value) {
			t.Fatalf("contracts: %q", body)
		}
		if rows, _, err := parseRows[tenantRow](body); err == nil && len(rows) != len(want.Value) {
			t.Fatalf("tenants: %q", body)
		}
	})
}

// FuzzMembers: every member has an id, or the page counts as none.
func FuzzMembers(f *testing.F) {
	f.Add([]byte(`{"@odata.count":2,"value":[{"id":"a"},{"id":"b"}],"@odata.nextLink":"https://graph.example/v1.0/n"}`))
	f.Add([]byte(`{"value":[{"id":"a"},{}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		ids, _, err := parseMembers(body)
		if err != nil {
			return
		}
		type list struct{ Value []json.RawMessage }
		if want, ok := encodingOf[list](body); !ok || len(want.Value) != len(ids) || slices.Contains(ids, "") {
			t.Fatalf("%q of %q", ids, body)
		}
	})
}

// FuzzNextLink: no link leads the token to another host.
func FuzzNextLink(f *testing.F) {
	for _, seed := range []string{
		microsofttest.GraphBase + "/v1.0/users?$skiptoken=a", "https://graph.example@evil.example/v1.0/", "https://graph.example.evil/v1.0", "//graph.example/v1.0",
		"https:graph.example/v1.0", microsofttest.GraphBase + ":443/v1.0/", "http://graph.example/v1.0/", microsofttest.GraphBase + "/\\evil.example/", "https://graph.example\n/v1.0/",
	} {
		f.Add(seed)
	}
	c, err := New(Options{Address: microsofttest.GraphBase})
	if err != nil {
		f.Fatal(err)
	}
	from := c.graphURL("/v1.0/users", nil)
	f.Fuzz(func(t *testing.T, link string) {
		next, err := c.nextPage(new(circleDetector), from, link)
		if err != nil || next == nil {
			if next != nil {
				t.Fatalf("an error and a link: %q", link)
			}
			return
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, next.String(), nil)
		if err != nil {
			return
		}
		if req.URL.Scheme != "https" || req.URL.Host != "graph.example" || req.Host != "graph.example" || req.URL.User != nil {
			t.Fatalf("%q leads to %s", link, req.URL.Redacted())
		}
	})
}
