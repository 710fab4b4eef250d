package vault_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	vaultclient "github.com/entrasync/entrasync/pkg/vault"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/vault"
)

// FuzzStoredSecret: a version that is read is the one that was asked for, whole, or
// there is an error that quotes nothing; and whatever the store says of a path's
// versions, the next one is written over none of them.
func FuzzStoredSecret(f *testing.F) {
	const id, value = "0199aaaa-0000-7000-8000-000000000001", "c2VhbGVkLXZhbHVlLWluLWJhc2U2NA=="
	f.Add([]byte(`{"data":{"id":"`+id+`","value":"`+value+`"},"metadata":{"version":3}}`), []byte(`{"current_version":3,"versions":{"3":{}}}`))
	f.Add([]byte(`{"data":{"id":"another","value":"`+value+`"}}`), []byte(`{"current_version":9,"max_versions":3,"versions":{"1":{},"2":{"destroyed":true}}}`))
	f.Add([]byte(`{"data":{"id":"`+id+`","value":"`+value+`!"}}`), []byte(`{"current_version":-1,"versions":{"-5":{},"x":{}}}`))
	f.Add([]byte(`{"data":null}`), []byte(`{"current_version":9223372036854775807,"versions":{"1":{}}}`))
	f.Add([]byte(`{"data":{"id":"`+id+`","value":5}}`), []byte(`{"versions":[]}`))
	var data, metadata []byte
	var written struct{ Options struct{ CAS *int } }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch kind := strings.Split(r.URL.Path, "/")[3]; {
		case strings.HasSuffix(r.URL.Path, "/login"):
			_, _ = w.Write([]byte(`{"auth":{"client_token":"t"}}`))
		case strings.HasSuffix(r.URL.Path, "/installation"): // the prefix is ours
			_, _ = w.Write([]byte(`{"data":{"data":{"id":"ours"},"metadata":{"version":1}}}`))
		case r.Method == http.MethodGet && kind == "metadata":
			_, _ = w.Write([]byte(`{"data":` + string(metadata) + `}`))
		case r.Method == http.MethodGet:
			_, _ = w.Write([]byte(`{"data":` + string(data) + `}`))
		case kind == "data":
			_ = json.Unmarshal(body, &written)
			_, _ = w.Write([]byte(`{"data":{"version":4}}`))
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	f.Cleanup(server.Close)
	client, err := vaultclient.Open(vaultclient.Settings{Address: server.URL, Auth: vaultclient.AppRole, RoleID: "role", SecretID: "s"}, time.Now)
	if err != nil {
		f.Fatal(err)
	}
	store, err := vault.New(client, vault.Settings{Mount: "secret", Prefix: "entrasync"}, installation{id: "ours"}, time.Now)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, held, versions []byte) {
		if !json.Valid(held) || !json.Valid(versions) {
			return // that is for the session to find
		}
		data, metadata, written.Options.CAS = held, versions, nil
		got, err := store.GetSecret(msp(t), key, "3."+id)
		var stored struct{ Data struct{ ID, Value string } }
		wellFormed := json.Unmarshal(held, &stored) == nil
		plain, notBase64 := base64.StdEncoding.DecodeString(stored.Data.Value)
		if readable := wellFormed && stored.Data.ID == id && notBase64 == nil; readable != (err == nil) || err == nil && got.Reveal() != string(plain) {
			t.Fatalf("%v: %q of %q", err, got.Reveal(), held)
		}
		if err != nil && len(stored.Data.Value) > 12 && strings.Contains(err.Error(), stored.Data.Value) {
			t.Fatalf("quoted: %v", err)
		}
		if _, err := store.PutSecret(msp(t), key, connection.Secret("next")); err != nil {
			return
		}
		var known struct {
			Current int `json:"current_version"`
		}
		if json.Unmarshal(versions, &known) != nil || written.Options.CAS == nil || *written.Options.CAS != known.Current {
			t.Fatalf("written over %v: %q", written.Options.CAS, versions)
		}
	})
}
