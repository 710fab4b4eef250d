package cipp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/publicnet"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

func TestBaseURLs(t *testing.T) {
	t.Parallel()
	g, err := newGuard([]string{" 127.0.0.1:8080", "cipp.internal:443", "[::1]:9000", ""})
	require.NoError(t, err)
	for raw, want := range map[string]string{
		"https://cipp.example":               "https://cipp.example",
		" https://CIPP.Example/ ":            "https://cipp.example",
		"https://cipp.example:8443/a/b/":     "https://cipp.example:8443/a/b",
		"https://xn--bcher-kva.example/cipp": "https://xn--bcher-kva.example/cipp",
		"https://cipp.internal":              "https://cipp.internal",
		"http://127.0.0.1:8080/cipp":         "http://127.0.0.1:8080/cipp",
		"https://127.0.0.1:8080":             "https://127.0.0.1:8080",
		"http://[::1]:9000":                  "http://[::1]:9000",
	} {
		u, err := g.checkBaseURL(raw)
		require.NoError(t, err, raw)
		require.Equal(t, want, u.String())
		again, err := g.checkBaseURL(want)
		require.NoError(t, err)
		require.Equal(t, want, again.String())
	}
	for _, raw := range []string{
		"", "cipp.example", "//cipp.example", "https://", "https:cipp.example", "https:///path", "https://:443", "https://cipp.example:", "ftp://cipp.example",
		"http://cipp.example", "http://cipp.internal:443", "http://127.0.0.1:8081", "https://127.0.0.1:8081", "https://[::1]", "file:///etc/passwd",
		"https://user@cipp.example", "https://user:pass@cipp.example", "https://@cipp.example", "https://cipp.example?x=1", "https://cipp.example?",
		"https://cipp.example#x", "https://cipp.example#", "https://bücher.example", "https://cipp.example/../x", "https://cipp.example//x",
		"https://cipp.example/%2e%2e/x", "https://cipp.example/a%2fb", "https://cipp_example", "https://cipp\n.example", "https://ci pp.example",
		"https://[fe80::1%25eth0]", "https://-cipp.example", "https://cipp.example.", "gopher://127.0.0.1:8080",
	} {
		_, err := g.checkBaseURL(raw)
		require.Error(t, err, "%q", raw)
	}
	for _, entry := range []string{"host", "https://host:1", "host:port", "*:1", "a b:1"} {
		_, err := newGuard([]string{entry})
		require.Error(t, err, entry)
	}
}

// names answers every question for an address with the next of a name's answers;
// the last one stays.
type names struct {
	mu      sync.Mutex
	answers []string
}

func (n *names) next() [4]byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	answer := netip.MustParseAddr(n.answers[0]).As4()
	if len(n.answers) > 1 {
		n.answers = n.answers[1:]
	}
	return answer
}

// resolver asks a server of names on this machine.
func resolver(t *testing.T, n *names) *net.Resolver {
	t.Helper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = socket.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			size, from, err := socket.ReadFrom(buf)
			if err != nil {
				return
			}
			var question dnsmessage.Message
			if question.Unpack(buf[:size]) != nil || len(question.Questions) != 1 {
				continue
			}
			q := question.Questions[0]
			reply := dnsmessage.Message{
				Header:    dnsmessage.Header{ID: question.ID, Response: true, RecursionAvailable: true, RecursionDesired: true},
				Questions: question.Questions,
			}
			if q.Type == dnsmessage.TypeA {
				reply.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, // no time to live
					Body:   &dnsmessage.AResource{A: n.next()},
				}}
			}
			packed, err := reply.Pack()
			if err == nil {
				_, _ = socket.WriteTo(packed, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", socket.LocalAddr().String())
	}}
}

// tokens always give the same token.
type tokens struct{}

// Token returns it.
func (tokens) Token(context.Context) (connection.Secret, error) { return "the-token", nil }

// Renew returns it again.
func (tokens) Renew(context.Context, connection.Secret) (connection.Secret, error) {
	return "the-token", nil
}

// watched is a client whose connections are written down as they are about to be
// made; those to public addresses then end there.
type watched struct {
	client *Client
	mu     sync.Mutex
	passed []string
}

func watch(t *testing.T, n *names, allowed ...string) *watched {
	t.Helper()
	client, err := NewClient(Options{AllowedHosts: allowed, Wait: func(context.Context, time.Duration) error { return nil }})
	require.NoError(t, err)
	w := &watched{client: client}
	client.guard.Resolver = resolver(t, n)
	client.guard.Control = func(ctx context.Context, network, address string, c syscall.RawConn) error {
		if err := publicnet.Control(ctx, network, address, c); err != nil {
			return err
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.passed = append(w.passed, address)
		return syscall.ECONNREFUSED
	}
	return w
}

func (w *watched) open(t *testing.T, address string) connection.Provider {
	t.Helper()
	provider, err := w.client.Open(Credentials{BaseURL: address})
	require.NoError(t, err)
	return provider
}

// TestANameThatChangesItsAnswer: what it said when it was saved, or for the
// connection before, does not count.
func TestANameThatChangesItsAnswer(t *testing.T) {
	t.Parallel()
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("somebody came in") }))
	t.Cleanup(inside.Close)
	_, port, err := net.SplitHostPort(inside.Listener.Addr().String())
	require.NoError(t, err)
	for _, second := range []string{"127.0.0.1", "169.254.169.254", "10.1.2.3", "192.168.0.1"} {
		w := watch(t, &names{answers: []string{"20.50.2.1", second}})
		provider := w.open(t, "https://rebound.example:"+port)
		_, err = provider.Probe(t.Context(), tokens{})
		require.Equal(t, "base_url_refused", errs.ReasonOf(err), second)
		require.Equal(t, []string{"20.50.2.1:" + port}, w.passed, "the first answer was taken, the second was not")
		require.NotContains(t, err.Error(), "the-token")
	}
}

// TestNoRedirectIsFollowed, wherever it leads: the token would go along.
func TestNoRedirectIsFollowed(t *testing.T) {
	t.Parallel()
	for _, target := range []string{
		"http://169.254.169.254/latest/meta-data/", "https://169.254.169.254/", "https://login.example/", "/api/elsewhere", "file:///etc/passwd",
	} {
		came := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			came++
			w.Header().Set("Location", target)
			w.WriteHeader(http.StatusFound)
		}))
		w := watch(t, &names{answers: []string{"20.50.2.1"}}, server.Listener.Addr().String())
		_, err := w.open(t, server.URL).Probe(t.Context(), tokens{})
		require.Equal(t, "upstream_error", errs.ReasonOf(err), target)
		require.Equal(t, 1, came)
		require.Empty(t, w.passed, "nothing else was asked")
		server.Close()
	}
}

// TestNoProxyIsAsked is not parallel: it sets the environment. Go reads that once a
// process, so what is held is that the transport never does.
func TestNoProxyIsAsked(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, "http://127.0.0.1:9")
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	// The name that the server's certificate is for is no loopback one: a proxy
	// would be asked for it.
	w := watch(t, &names{answers: []string{"127.0.0.1"}}, "example.com:"+port)
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	w.client.http.Transport.(*http.Transport).TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}
	require.Nil(t, w.client.http.Transport.(*http.Transport).Proxy)
	_, err = w.open(t, "https://example.com:"+port).Probe(t.Context(), tokens{})
	require.Equal(t, "upstream_error", errs.ReasonOf(err), "it was reached")
}

// FuzzBaseURL: whatever is taken is https to a host without anything beside it, and
// no address that is refused.
func FuzzBaseURL(f *testing.F) {
	for _, seed := range []string{"https://cipp.example/a", "https://[::1]:1", "https://127.1", "https://a@b", "https://0x7f.1/%2e", "HTTPS://A.B:443/#"} {
		f.Add(seed)
	}
	g, err := newGuard(nil)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := g.checkBaseURL(raw)
		if err != nil {
			return
		}
		again, err := url.Parse(u.String() + "/api/me")
		if err != nil || again.Scheme != "https" || again.User != nil || again.RawQuery != "" || again.Fragment != "" || again.Host != u.Host ||
			!strings.HasSuffix(again.Path, "/api/me") || path.Clean(again.Path) != again.Path {
			t.Fatalf("%q was taken as %q", raw, u)
		}
		if literal, err := netip.ParseAddr(again.Hostname()); err == nil && !publicnet.Public(literal) {
			t.Fatalf("%q leads to %s", raw, literal)
		}
	})
}
