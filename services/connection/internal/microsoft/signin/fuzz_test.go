package signin

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
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/entrasync/entrasync/pkg/errs"
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

// tokenAnswer is a success of the token endpoint as encoding/json reads it.
type tokenAnswer struct {
	TokenType    string `json:"token_type"`
	Scope        string `json:"scope"`
	ExpiresIn    int64  `json:"expires_in"` // seconds
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
}

// FuzzGrant: a token answer gives a token that lives, or nothing.
func FuzzGrant(f *testing.F) {
	f.Add([]byte(`{"token_type":"Bearer","scope":"a b","expires_in":3599,"access_token":"t","refresh_token":"r","id_token":"e30.eyJ0aWQiOiJ0ZW5hbnQifQ.s"}`))
	f.Add([]byte(`{"token_type":"mac","expires_in":-1,"access_token":""}`))
	sent := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	var answer []byte
	c, err := New(Options{
		Login: "https://login.example", Now: func() time.Time { return sent },
		Transport: microsofttest.RoundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(answer))}, nil
		}),
	})
	if err != nil {
		f.Fatal(err)
	}
	app := connection.Credentials{ClientID: "app", ClientSecret: "secret"}
	f.Fuzz(func(t *testing.T, body []byte) {
		answer = body
		grant, err := c.redeemOnce(t.Context(), app, microsoft.AtPartner, "tenant", c.asApp(app, "tenant", defaultScope))
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
		for _, at := range []microsoft.Authority{microsoft.AtPartner, microsoft.AtCustomer} {
			err := microsoft.ClassifyToken(at, failure)
			switch connection.ClassOf(err) {
			case connection.Retry, connection.Reconnect, connection.Bug:
			case connection.Customer:
				if at == microsoft.AtPartner {
					t.Fatalf("the partner's authority blamed a customer: %q", body)
				}
			default:
				t.Fatalf("not classified: %q", body)
			}
			if at == microsoft.AtCustomer && connection.ClassOf(err) == connection.Reconnect {
				t.Fatalf("a customer's authority disconnected the partner: %q", body)
			}
		}
	})
}

// FuzzPartnerCenter: a consent stands where the Partner Center says so, and whatever
// else it answers becomes one classified failure that does not blame the grant.
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
		clock := microsofttest.NewClock()
		c, err := New(Options{
			Login: "https://login.example", PartnerCenter: "https://partner.example",
			Now: clock.Now, Wait: clock.Wait,
			Transport: microsofttest.RoundTrip(func(req *http.Request) (*http.Response, error) {
				return &http.Response{
					StatusCode: status, Header: http.Header{"Ms-Requestid": {id}, "Retry-After": {after}}, Body: io.NopCloser(bytes.NewReader(body)), Request: req,
				}, nil
			}),
		})
		if err != nil {
			t.Fatal(err)
		}
		err = c.GrantConsent(t.Context(), microsofttest.App, "token", microsofttest.CustomerID)
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
