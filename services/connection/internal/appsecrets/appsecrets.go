// Package appsecrets reads the app registration that belongs to the whole
// installation: from the environment, or from files that a secret manager mounts.
package appsecrets

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// The names of the values, as variables and as files.
const (
	nameClientID     = "MICROSOFT_CLIENT_ID"
	nameClientSecret = "MICROSOFT_CLIENT_SECRET"
	nameTenantID     = "MICROSOFT_TENANT_ID"
)

// maxFileBytes bounds what is read of one file.
const maxFileBytes = 64 << 10

// Environment gives what the process was started with.
type Environment struct {
	ClientID     string
	ClientSecret connection.Secret
	TenantID     string
}

// Credentials are the same for every tenant.
func (e Environment) Credentials(context.Context, string) (connection.Credentials, error) {
	return connection.Credentials{ClientID: e.ClientID, ClientSecret: e.ClientSecret, TenantID: e.TenantID}, nil
}

// Files gives what stands in a folder, one value a file, read anew each time:
// mounted secrets rotate. An empty name means that there is no folder.
type Files string

// Credentials are the same for every tenant. Files that are not there count as
// not set.
func (f Files) Credentials(context.Context, string) (connection.Credentials, error) {
	if f == "" {
		return connection.Credentials{}, nil
	}
	var values [3]string
	for i, name := range []string{nameClientID, nameClientSecret, nameTenantID} {
		value, err := readValue(filepath.Join(string(f), name))
		if err != nil {
			return connection.Credentials{}, fmt.Errorf("reading %s: %w", name, err)
		}
		values[i] = value
	}
	return connection.Credentials{ClientID: values[0], ClientSecret: connection.Secret(values[1]), TenantID: values[2]}, nil
}

func readValue(path string) (string, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if info.Size() > maxFileBytes {
		return "", errors.New("the file is too large for a secret")
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(raw)), nil
}
