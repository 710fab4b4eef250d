package http_test

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/gateway/internal/http"
)

func TestOnlyTrustedProxiesSayWhereARequestComesFrom(t *testing.T) {
	t.Parallel()
	trusted, err := http.ParseProxies([]string{"10.0.0.0/8", " 192.0.2.7", "2001:db8::/32"})
	require.NoError(t, err)
	for name, c := range map[string]struct {
		proxies   http.Proxies
		peer      string
		forwarded []string
		want      string
	}{
		"no setting":              {nil, "10.0.0.1:99", []string{"203.0.113.9"}, "10.0.0.1"},
		"a stranger's header":     {trusted, "198.51.100.1:99", []string{"203.0.113.9"}, "198.51.100.1"},
		"one proxy":               {trusted, "10.0.0.1:99", []string{"203.0.113.9"}, "203.0.113.9"},
		"what the caller made up": {trusted, "10.0.0.1:99", []string{"1.1.1.1, 203.0.113.9"}, "203.0.113.9"},
		"two proxies":             {trusted, "10.0.0.1:99", []string{"1.1.1.1, 203.0.113.9, 192.0.2.7"}, "203.0.113.9"},
		"two headers":             {trusted, "10.0.0.1:99", []string{"1.1.1.1", "203.0.113.9, 10.9.9.9"}, "203.0.113.9"},
		"proxies alone":           {trusted, "10.0.0.1:99", []string{"10.0.0.2, 10.0.0.3"}, "10.0.0.2"},
		"no header":               {trusted, "10.0.0.1:99", nil, "10.0.0.1"},
		"rubbish":                 {trusted, "10.0.0.1:99", []string{"203.0.113.9, rubbish"}, "10.0.0.1"},
		"rubbish before":          {trusted, "10.0.0.1:99", []string{"rubbish, 203.0.113.9"}, "203.0.113.9"},
		"a port":                  {trusted, "10.0.0.1:99", []string{"203.0.113.9:4711"}, "203.0.113.9"},
		"version 6":               {trusted, "[2001:db8::1]:99", []string{"2a00::5"}, "2a00::5"},
		"version 6 and a port":    {trusted, "[2001:db8::1]:99", []string{"[2a00::5]:80"}, "2a00::5"},
		"version 4 in 6":          {trusted, "[::ffff:10.0.0.1]:99", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		"no address":              {trusted, "pipe", []string{"203.0.113.9"}, "pipe"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		r.RemoteAddr = c.peer
		for _, value := range c.forwarded {
			r.Header.Add("X-Forwarded-For", value)
		}
		require.Equal(t, c.want, c.proxies.Client(r), name)
	}
}

func TestTrustedProxiesAreChecked(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"10.0.0.0/33", "proxy.example", ""} {
		_, err := http.ParseProxies([]string{text})
		require.Error(t, err, text)
	}
}
