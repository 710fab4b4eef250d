package appsecrets

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// Files reads what stands in a folder, one value a file: mounted secrets. It only
// reads. It is safe for use by many goroutines.
type Files struct {
	folder   string
	rotation rotation
}

// NewFiles reads a folder; an empty name means that there is none.
func NewFiles(folder string, now func() time.Time) *Files {
	return &Files{folder: folder, rotation: rotation{now: now, read: func() (snapshot, error) { return readFolder(folder) }}}
}

// Credentials are the same for every tenant. Files that are not there count as
// not set.
func (f *Files) Credentials(context.Context) (connection.Credentials, error) {
	if f.folder == "" {
		return connection.Credentials{}, nil
	}
	return f.rotation.credentials()
}

// readFolder takes every value from one folder.
func readFolder(folder string) (s snapshot, err error) {
	folder, atomic := current(folder)
	values := map[string]string{}
	for _, name := range []string{nameClientID, nameClientSecret, nameCertificate, nameTenantID, nameCustomerAccess} {
		value, changed, err := readFile(filepath.Join(folder, name))
		if err != nil {
			return snapshot{}, fmt.Errorf("reading %s: %w", name, err)
		}
		values[name] = value
		if !atomic && changed.After(s.changed) {
			s.changed = changed
		}
	}
	access, err := connection.ParseCustomerAccess(values[nameCustomerAccess])
	if err != nil {
		return snapshot{}, err
	}
	if err := checkAuthority(values[nameTenantID]); err != nil {
		return snapshot{}, err
	}
	s.credentials = connection.Credentials{
		ClientID: values[nameClientID], ClientSecret: connection.Secret(values[nameClientSecret]),
		Certificate: connection.Secret(values[nameCertificate]), TenantID: values[nameTenantID], CustomerAccess: access,
	}
	return s, nil
}
