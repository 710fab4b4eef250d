package vault

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
)

// sealed stands for a value that no error may quote.
const sealed = "a-value-that-nobody-may-see"

// made is a store that logs in and answers as it is told, without a network.
type made struct {
	login, answer func(w http.ResponseWriter)
	asked         int    // requests other than logins
	token         string // of the last of them
}

const goodLogin = `{"auth":{"client_token":"good","lease_duration":3600,"renewable":true}}`

// RoundTrip answers.
func (m *made) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	if strings.HasSuffix(r.URL.Path, "/login") {
		m.login(rec)
	} else {
		m.asked++
		m.token = r.Header.Get("X-Vault-Token")
		m.answer(rec)
	}
	resp := rec.Result()
	resp.Request = r
	return resp, nil
}

// open makes a session of its own.
func (m *made) open(t testing.TB) *Client {
	t.Helper()
	now := func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }
	client, err := open(Settings{Address: "https://vault.example", Auth: AppRole, RoleID: "role", SecretID: "secret-id"}, now, bounded{m})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// answering writes a status and a body.
func answering(status int, body []byte) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(min(max(status, 200), 599))
		_, _ = w.Write(body)
	}
}

// checkError holds that a failure is one of ours and quotes nothing.
func checkError(t *testing.T, err error) {
	t.Helper()
	reasons := []string{
		ReasonUnavailable, ReasonDenied, ReasonMisconfigured, ReasonNotThere, ReasonChanged, ReasonRefused,
	}
	if !slices.Contains(reasons, errs.ReasonOf(err)) {
		t.Fatalf("not classified: %v", err)
	}
	if strings.Contains(err.Error(), sealed) {
		t.Fatalf("quoted: %v", err)
	}
}

// FuzzAnswer: whatever the store answers is what encoding/json reads in it, or one
// classified failure that quotes nothing.
func FuzzAnswer(f *testing.F) {
	f.Add(200, []byte(`{"data":{"data":{"id":"i","value":"`+sealed+`"},"metadata":{"version":3,"deletion_time":"","destroyed":false}}}`))
	f.Add(200, []byte(`{"data":{"current_version":2,"max_versions":0,"versions":{"1":{"created_time":"2026-03-01T12:00:00Z","destroyed":true},"2":{}}}}`))
	f.Add(200, []byte(`{"data":{"keys":["a","b/"]}}`))
	f.Add(200, []byte(`{"data":{"keys":"`+sealed+`"}}`))
	f.Add(200, []byte(`{"data":null,"warnings":["`+sealed+`"]}`))
	f.Add(200, []byte(`{"data":{"value":"`+sealed))
	f.Add(204, []byte{})
	f.Add(302, []byte(`<a href="https://elsewhere.example">`))
	f.Add(400, []byte(`{"errors":["check-and-set parameter did not match the current version: `+sealed+`"]}`))
	f.Add(403, []byte(`{"errors":["1 error occurred: permission denied"]}`))
	f.Add(404, []byte(`{"errors":["no handler for route \"secret/data/x\""]}`))
	f.Add(404, []byte(`{"data":{"data":null,"metadata":{"deletion_time":"2026-03-01T12:00:00Z"}}}`))
	f.Add(412, []byte(`{"errors":["required index state not present"]}`))
	f.Add(429, []byte{})
	f.Add(472, []byte(`{"errors":"`+sealed+`"}`))
	f.Add(503, []byte(`{"errors":["Vault is sealed"]}`))
	m := &made{login: answering(http.StatusOK, []byte(goodLogin))}
	client := m.open(f)
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		m.answer = answering(status, body)
		var got struct {
			Keys    []string
			Data    *struct{ ID, Value string }
			Current int `json:"current_version"`
		}
		err := client.Read(t.Context(), "secret/data/x", nil, &got)
		if err != nil {
			checkError(t, err)
			return
		}
		if status >= 300 {
			t.Fatalf("%d %q is no success", status, body)
		}
		want := struct{ Data any }{&struct {
			Keys    []string
			Data    *struct{ ID, Value string }
			Current int `json:"current_version"`
		}{}}
		// A value may be followed by others, as the store's own client reads it.
		if status != http.StatusNoContent && json.NewDecoder(bytes.NewReader(body)).Decode(&want) != nil {
			t.Fatalf("took %q", body)
		}
		names, err := client.List(t.Context(), "secret/metadata")
		if err != nil || !slices.Equal(names, got.Keys) {
			t.Fatalf("listed %q, read %q, %v: %q", names, got.Keys, err, body)
		}
	})
}

// FuzzLogin: an answer to a login is a token that is used as it came, or a
// classified failure after which nothing is asked.
func FuzzLogin(f *testing.F) {
	f.Add(200, []byte(goodLogin))
	f.Add(200, []byte(`{"auth":{"client_token":"`+sealed+`","lease_duration":-1,"renewable":true}}`))
	f.Add(200, []byte(`{"auth":{"client_token":"`+sealed+`","lease_duration":9223372036854775807}}`))
	f.Add(200, []byte(`{"auth":{"client_token":"`+sealed+`","lease_duration":"3600"}}`))
	f.Add(200, []byte(`{"auth":{"client_token":"a\r\nb"}}`))
	f.Add(200, []byte(`{"auth":null,"wrap_info":{"token":"`+sealed+`"}}`))
	f.Add(200, []byte(`{"auth":{"client_token":""}}`))
	f.Add(400, []byte(`{"errors":["invalid role or secret ID: `+sealed+`"]}`))
	f.Add(503, []byte(`{"errors":["Vault is sealed"]}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		m := &made{login: answering(status, body), answer: answering(http.StatusOK, []byte(`{"data":{}}`))}
		if err := m.open(t).Read(t.Context(), "secret/data/x", nil, nil); err != nil {
			checkError(t, err)
			if m.asked > 0 {
				t.Fatalf("asked after a login that failed: %q", body)
			}
			return
		}
		var want struct {
			Auth struct {
				Token string `json:"client_token"`
			}
		}
		if json.NewDecoder(bytes.NewReader(body)).Decode(&want) != nil || m.token != want.Auth.Token || m.token == "" {
			t.Fatalf("asked as %q after %q", m.token, body)
		}
	})
}
