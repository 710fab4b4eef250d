// Package appsecrets reads the app registration that belongs to the whole
// installation: from the environment, or from files that a secret manager mounts.
package appsecrets

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// The names of the values, as variables and as files.
const (
	nameClientID       = "MICROSOFT_CLIENT_ID"
	nameClientSecret   = "MICROSOFT_CLIENT_SECRET"
	nameCertificate    = "MICROSOFT_CLIENT_CERTIFICATE"
	nameTenantID       = "MICROSOFT_TENANT_ID"
	nameCustomerAccess = "MICROSOFT_CUSTOMER_ACCESS"
)

// maxFileBytes bounds what is read of one file.
const maxFileBytes = 64 << 10

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

// checkAuthority takes the app's own directory, or none.
func checkAuthority(tenantID string) error {
	if tenantID == "" || connection.CheckAuthority(tenantID) == nil {
		return nil
	}
	return fmt.Errorf("%s is neither the id nor a domain of a directory", nameTenantID)
}
