package microsoft

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/entrasync/entrasync/pkg/publicnet"
	"github.com/entrasync/entrasync/services/connection/internal/outbound"
)

// Address reads a base address that paths are appended to; name says whose it is.
// Secrets travel there, so it must be https, except on this machine.
func Address(name, raw string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(raw, "/"))
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("the %s address is not a URL", name)
	}
	switch {
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("the %s address must have no credentials, query or fragment", name)
	case u.Scheme == "https", u.Scheme == "http" && publicnet.Loopback(u.Hostname()):
		return u, nil
	}
	return nil, fmt.Errorf("the %s address must be https (http is taken for loopback hosts only)", name)
}

// NewTransport makes connections to Microsoft.
func NewTransport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 32
	t.TLSClientConfig = outbound.TLS(nil)
	return t
}
