package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/migrations"
	"github.com/entrasync/entrasync/pkg/pgtest"
)

func TestCommand(t *testing.T) {
	t.Parallel()
	db := pgtest.Empty(t)
	db.GivePasswords()
	passwords := filepath.Join(t.TempDir(), "passwords.json")
	// The roles' passwords are those of every test: roles belong to the server.
	const known = "entrasync-test"
	given := map[string]string{}
	for _, name := range migrations.Contexts() {
		given[migrations.RuntimeRole(name)] = known
	}
	raw, err := json.Marshal(given)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(passwords, raw, 0o600))
	migrate := func(args ...string) (string, error) {
		var out strings.Builder
		err := run(t.Context(), args, func(name string) string {
			return map[string]string{"ENTRASYNC_ADMIN_DATABASE_URL": db.AdminURL, "ENTRASYNC_ROLE_PASSWORDS_FILE": passwords}[name]
		}, &out, &out)
		return out.String(), err
	}

	_, err = migrate("up", "-context", "mapping")
	require.Error(t, err, "up wants a bootstrapped database")
	for _, command := range []string{"bootstrap", "bootstrap", "up"} {
		_, err := migrate(command)
		require.NoError(t, err, command)
	}
	out, err := migrate("version")
	require.NoError(t, err)
	for _, name := range migrations.Contexts() {
		require.Contains(t, out, name)
	}
	_, err = migrate("down")
	require.ErrorContains(t, err, "name a context")
	_, err = migrate("-context", "all", "down")
	require.NoError(t, err)
	_, err = migrate("force")
	require.ErrorContains(t, err, "force wants")
	_, err = migrate("fly")
	require.ErrorContains(t, err, `no command "fly"`)
}

func TestRolePasswords(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "passwords.json")
	made, err := rolePasswords(path)
	require.NoError(t, err)
	require.Len(t, made, len(migrations.Contexts()))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	again, err := rolePasswords(path)
	require.NoError(t, err)
	require.Equal(t, made, again)

	require.NoError(t, os.WriteFile(path, []byte(`{"entrasync_mapping": "kept"}`), 0o600))
	mixed, err := rolePasswords(path)
	require.NoError(t, err)
	require.Equal(t, "kept", mixed["entrasync_mapping"])
	require.NotEmpty(t, mixed["entrasync_gateway"])

	require.NoError(t, os.WriteFile(path, []byte(`["secret"]`), 0o600))
	_, err = rolePasswords(path)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "secret")
}
