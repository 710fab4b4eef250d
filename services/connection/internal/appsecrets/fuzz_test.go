package appsecrets_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/entrasync/entrasync/services/connection/internal/appsecrets"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// FuzzFiles: what stands in mounted files is taken without the space around it, and
// nothing of it stands in an error.
func FuzzFiles(f *testing.F) {
	f.Add("app", "a-secret", "", "contoso.example", "")
	f.Add(" app\n", "a-secret\r\n", "\n", "\tcontoso.example ", "app_only\n")
	f.Add("app", "", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "", "delegated")
	f.Add("app", "a-secret", "", "", "a-way-that-is-none")
	f.Add("\xff\xfe", "\x00", "\ufeff", "../..", "APP_ONLY")
	folder := f.TempDir()
	f.Fuzz(func(t *testing.T, id, secret, certificate, tenant, access string) {
		const most = 64 << 10
		given := map[string]string{
			"MICROSOFT_CLIENT_ID": id, "MICROSOFT_CLIENT_SECRET": secret, "MICROSOFT_CLIENT_CERTIFICATE": certificate,
			"MICROSOFT_TENANT_ID": tenant, "MICROSOFT_CUSTOMER_ACCESS": access,
		}
		fits := true
		for name, value := range given {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(value), 0o600); err != nil {
				t.Fatal(err)
			}
			fits = fits && len(value) <= most
			given[name] = strings.TrimSpace(value)
		}
		got, err := appsecrets.NewFiles(folder, time.Now).Credentials(t.Context())
		way, unknown := connection.ParseCustomerAccess(given["MICROSOFT_CUSTOMER_ACCESS"])
		tenantID := given["MICROSOFT_TENANT_ID"]
		if usable := fits && unknown == nil && (tenantID == "" || connection.CheckAuthority(tenantID) == nil); usable != (err == nil) {
			t.Fatalf("%v: %.200q", err, given)
		}
		if err != nil {
			for name, value := range given {
				if name != "MICROSOFT_CUSTOMER_ACCESS" && len(value) > 12 && strings.Contains(err.Error(), value) {
					t.Fatalf("quoted: %v", err)
				}
			}
			return
		}
		want := connection.Credentials{
			ClientID: given["MICROSOFT_CLIENT_ID"], ClientSecret: connection.Secret(given["MICROSOFT_CLIENT_SECRET"]),
			Certificate: connection.Secret(given["MICROSOFT_CLIENT_CERTIFICATE"]), TenantID: tenantID, CustomerAccess: way,
		}
		if got != want {
			t.Fatalf("read %v of %.200q", got, given)
		}
	})
}
