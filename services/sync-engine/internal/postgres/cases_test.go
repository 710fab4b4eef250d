package postgres_test

import (
	"cmp"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// TestCases runs the case files: contacts and a directory in, decisions out.
func TestCases(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/rounds/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			require.NoError(t, err)
			sections := map[string][]string{}
			for _, f := range archive.Files {
				sections[f.Name] = strings.FieldsFunc(string(f.Data), func(r rune) bool { return r == '\n' })
			}
			e := setup(t)
			for _, line := range sections["contacts"] {
				email, name, _ := strings.Cut(line, " ")
				e.host(syncengine.ContactRecord{ExternalID: &email, ClientID: ptr(client), FullName: name, Email: &email})
			}
			for _, line := range sections["users"] {
				var u syncengine.User
				require.NoError(t, json.Unmarshal([]byte(line), &u))
				u.UserPrincipalName = cmp.Or(u.UserPrincipalName, u.ObjectID+"@corp.example")
				u.AccountEnabled = ptr(true)
				e.dir.users = append(e.dir.users, u)
			}
			e.round()
			got := e.rows(`SELECT f.type, c.entra_object_id, c.email_norm FROM contact_changes f JOIN contacts c ON c.id = f.contact_id WHERE f.source = 'sync'`)
			for id, item := range e.queue.items {
				got = append(got, "queue."+item.Reason+" "+id)
			}
			slices.Sort(got)
			require.Equal(t, sections["decisions"], got)
		})
	}
}
