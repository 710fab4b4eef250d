package microsoft

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
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

// tokenAnswer is a success of the token endpoint as encoding/json reads it.
type tokenAnswer struct {
	TokenType    string `json:"token_type"`
	Scope        string `json:"scope"`
	ExpiresIn    int64  `json:"expires_in"` // seconds
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
}

// roundTripper answers in the network's place.
type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// FuzzGrant: a token answer gives a token that lives, or nothing.
func FuzzGrant(f *testing.F) {
	f.Add([]byte(`{"token_type":"Bearer","scope":"a b","expires_in":3599,"access_token":"t","refresh_token":"r","id_token":"e30.eyJ0aWQiOiJ0ZW5hbnQifQ.s"}`))
	f.Add([]byte(`{"token_type":"mac","expires_in":-1,"access_token":""}`))
	sent := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	var answer []byte
	c, err := New(Options{
		Endpoints: Endpoints{Login: "https://login.example", Graph: "https://graph.example"}, Now: func() time.Time { return sent },
		Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(answer))}, nil
		}),
	})
	if err != nil {
		f.Fatal(err)
	}
	app := connection.Credentials{ClientID: "app", ClientSecret: "secret"}
	f.Fuzz(func(t *testing.T, body []byte) {
		answer = body
		grant, err := c.redeemOnce(t.Context(), app, atPartner, "tenant", c.asApp(app, "tenant", defaultScope))
		if err != nil {
			if token, ok := encodingOf[tokenAnswer](body); ok && len(token.AccessToken) > 8 && strings.Contains(err.Error(), token.AccessToken) {
				t.Fatalf("quoted: %v", err)
			}
			if grant != (connection.Grant{}) {
				t.Fatalf("an error and a grant: %q", body)
			}
			return
		}
		if grant.AccessToken == "" || !grant.ExpiresAt.After(sent) || grant.ExpiresAt.After(sent.Add(24*time.Hour)) || len(grant.PartnerTenantID) > 64 {
			t.Fatalf("took %q", body)
		}
		if want, ok := encodingOf[tokenAnswer](body); !ok || want.AccessToken != grant.AccessToken.Reveal() {
			t.Fatalf("took what encoding/json does not: %q", body)
		}
	})
}

// FuzzOAuthError: whatever the token endpoint says becomes one classified failure
// with bounded, valid text.
func FuzzOAuthError(f *testing.F) {
	f.Add(400, []byte(`{"error":"invalid_grant","error_description":"AADSTS700082: …","error_codes":[700082],"trace_id":"t","suberror":"x"}`))
	f.Add(503, []byte(`<html>`))
	f.Add(401, []byte(`{"error":"invalid_client","error_codes":[7000215,"x"]}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		failure := parseOAuthFailure(body)
		failure.Status = status
		if len(failure.Code) > 64 || len(failure.TraceID) > 64 || !utf8.ValidString(failure.Code+failure.TraceID) {
			t.Fatalf("%+v of %q", failure, body)
		}
		for _, at := range []authority{atPartner, atCustomer} {
			err := classifyToken(at, failure)
			switch connection.ClassOf(err) {
			case connection.Retry, connection.Reconnect, connection.Bug:
			case connection.Customer:
				if at == atPartner {
					t.Fatalf("the partner's authority blamed a customer: %q", body)
				}
			default:
				t.Fatalf("not classified: %q", body)
			}
			if at == atCustomer && connection.ClassOf(err) == connection.Reconnect {
				t.Fatalf("a customer's authority disconnected the partner: %q", body)
			}
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
		if connection.ClassOf(classifyGraph(atCustomer, failure)) == connection.Reconnect {
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
			r := a.refusal(atCustomer, time.Unix(1e9, 0))
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

// FuzzTenantPages: what lists managed tenants reads whole pages only, and gives no
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
		graphBase + "/v1.0/users?$skiptoken=a", "https://graph.example@evil.example/v1.0/", "https://graph.example.evil/v1.0", "//graph.example/v1.0",
		"https:graph.example/v1.0", graphBase + ":443/v1.0/", "http://graph.example/v1.0/", graphBase + "/\\evil.example/", "https://graph.example\n/v1.0/",
	} {
		f.Add(seed)
	}
	c, err := New(Options{Endpoints: Endpoints{Login: "https://login.example", Graph: graphBase}})
	if err != nil {
		f.Fatal(err)
	}
	from := c.graphURL("/v1.0/users", nil)
	f.Fuzz(func(t *testing.T, link string) {
		next, err := c.nextPage(new(trail), from, link)
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

// FuzzPartnerCenter: a consent stands where the Partner Center says so, and whatever
// else it answers becomes one classified failure that blames nobody's grant.
func FuzzPartnerCenter(f *testing.F) {
	f.Add(201, "", "", []byte(`{"applicationId":"app"}`))
	f.Add(409, "r", "", []byte(`{"code":2000,"description":"Permission entry already exists.","data":[],"source":"x"}`))
	f.Add(400, "r", "", []byte("\ufeff"+`{"description":"Permission entry already exists."}`))
	f.Add(500, "r", "", []byte(`{"description":"Permission entry already exists."}`))
	f.Add(403, "r\xff", "", []byte(`{"code":"900421","description":"no","description":"Permission entry already exists."}`))
	f.Add(404, "", "", []byte(`{"description":["Permission entry already exists."]}`))
	f.Add(429, "r", "7", []byte(`<html>`))
	f.Add(503, "", "Sun, 01 Mar 2026 12:00:30 GMT", []byte(`null`))
	f.Fuzz(func(t *testing.T, status int, id, after string, body []byte) {
		status = min(max(status, 200), 599)
		clock := newVirtual()
		c, err := New(Options{
			Endpoints: Endpoints{Login: "https://login.example", Graph: graphBase, Partner: "https://partner.example"},
			Now:       clock.now, Wait: clock.wait,
			Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
				return &http.Response{
					StatusCode: status, Header: http.Header{"Ms-Requestid": {id}, "Retry-After": {after}}, Body: io.NopCloser(bytes.NewReader(body)), Request: req,
				}, nil
			}),
		})
		if err != nil {
			t.Fatal(err)
		}
		err = c.GrantConsent(t.Context(), theApp, "token", customerID)
		type refused struct{ Description string }
		answer, _ := encodingOf[refused](body)
		stands := status == http.StatusOK || status == http.StatusCreated ||
			status < 500 && strings.Contains(answer.Description, "Permission entry already exists")
		if stands != (err == nil) {
			t.Fatalf("%d %q: %v", status, body, err)
		}
		if err == nil {
			return
		}
		e, classified := errors.AsType[*errs.Error](err)
		if class := connection.ClassOf(err); !classified || class != connection.Customer && class != connection.Retry {
			t.Fatalf("%d is of class %v: %v", status, class, err)
		}
		named := e.Metadata()["request_id"]
		if named == "" || len(named) > 64 || !utf8.ValidString(err.Error()) || e.RetryAfter() < 0 || e.RetryAfter() > outbound.LongestPause {
			t.Fatalf("%d, %q, %q: %v", status, id, after, err)
		}
	})
}

// FuzzFederatedToken: what another issuer mounted is sent as it stands in its file,
// or not at all.
func FuzzFederatedToken(f *testing.F) {
	f.Add([]byte("a.b.c\n"))
	f.Add([]byte(" \n"))
	f.Add([]byte{})
	f.Add([]byte("\xff\x00&client_id=other"))
	file := filepath.Join(f.TempDir(), "token")
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		c := &Client{now: time.Now}
		form, err := c.prove(connection.Credentials{ClientID: "app", FederatedTokenFile: file}, "https://login.example/t/oauth2/v2.0/token")
		token := strings.TrimSpace(string(content))
		if usable := token != "" && len(content) <= maxFederatedBytes; usable != (err == nil) {
			t.Fatalf("%v: %.100q", err, content)
		}
		if err != nil {
			if form.Has("client_assertion") || len(token) > 5 && strings.Contains(err.Error(), token) {
				t.Fatalf("%v: %.100q", err, content)
			}
			return
		}
		sent, err := url.ParseQuery(form.Encode())
		want := url.Values{"client_assertion_type": {assertionType}, "client_assertion": {token}}
		if err != nil || !reflect.DeepEqual(sent, want) {
			t.Fatalf("sent %q of %q", sent, content)
		}
	})
}
