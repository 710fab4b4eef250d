package gateway_test

import (
	"context"
	"flag"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/gateway/internal/gateway"
	gwhttp "github.com/entrasync/entrasync/gateway/internal/http"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
)

const platformFlags = "/api/v1/platform-feature-flags"

// flood is how many hostile requests come from one address: a hundred times as many as it may send.
var flood = flag.Int("flood", 2_000, "how many hostile requests a flood is")

// strict are limits that a flood exceeds at once and that never refill.
func strict(p *gateway.Parts) {
	p.AddressRate = access.Rate{PerSecond: 1e-9, Burst: 20}
	p.UserRate, p.TenantRate = access.Rate{PerSecond: 1e-9, Burst: 200}, access.Rate{PerSecond: 1e-9, Burst: 200}
}

// from serves a request of an address, without a connection.
func (b *bundle) from(address, verb, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(b.t.Context(), verb, path, nil)
	r.RemoteAddr = address
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	return w
}

// storm sends n requests from several clients at once.
func storm(n int, send func(i int)) {
	const clients = 8
	var group sync.WaitGroup
	for c := range clients {
		group.Go(func() {
			for i := c; i < n; i += clients {
				send(i)
			}
		})
	}
	group.Wait()
}

// trail counts the events of unknown callers, and their attempts.
func (b *bundle) trail() (rows, attempts int) {
	b.t.Helper()
	b.settle()
	require.NoError(b.t, b.db.Admin.QueryRow(b.t.Context(),
		`SELECT count(*), COALESCE(sum(attempts), 0) FROM audit_events WHERE actor_id = 'unknown'`).Scan(&rows, &attempts))
	return rows, attempts
}

func TestWrongKeysNeitherFillTheTrailNorKeepTheRightOneOut(t *testing.T) {
	t.Parallel()
	b := setup(t, strict)
	var served, refused, slowed sync.Map
	storm(*flood, func(i int) {
		if i%100 == 0 {
			served.Store(b.from("192.0.2.1:1", "GET", platformFlags, "X-Api-Key", platformKey).Code, true)
		}
		switch code := b.from("192.0.2.1:1", "GET", platformFlags, "X-Api-Key", "wrong-"+strconv.Itoa(i)).Code; code {
		case http.StatusUnauthorized:
			refused.Store(i, true)
		case http.StatusTooManyRequests:
			slowed.Store(i, true)
		default:
			t.Errorf("a wrong key was answered %d", code)
		}
	})
	for code := range served.Range {
		require.Equal(t, http.StatusOK, code, "the right key, in the midst of it")
	}
	count := func(m *sync.Map) (n int) {
		m.Range(func(any, any) bool { n++; return true })
		return n
	}
	require.Equal(t, 20, count(&refused))
	require.Equal(t, *flood-20, count(&slowed))
	limited := b.from("192.0.2.1:1", "GET", platformFlags, "X-Api-Key", "wrong")
	require.Contains(t, limited.Body.String(), "rate_limited")
	require.NotEmpty(t, limited.Header().Get("Retry-After"))
	rows, attempts := b.trail()
	require.Equal(t, 1, rows, "one event a minute")
	require.Equal(t, *flood+1, attempts)
	var address string
	require.NoError(t, b.db.Admin.QueryRow(t.Context(), `SELECT remote_addr FROM audit_events WHERE actor_id = 'unknown'`).Scan(&address))
	require.Equal(t, "192.0.2.1", address)

	b.clock.Advance(time.Minute)
	b.from("192.0.2.1:1", "GET", platformFlags)
	rows, attempts = b.trail()
	require.Equal(t, 2, rows)
	require.Equal(t, *flood+2, attempts)
	require.Equal(t, 401, b.from("192.0.2.2:1", "GET", platformFlags).Code, "another address has a bucket of its own")
}

// The platform's bucket was once that of a tenant called platform.
func TestATenantCalledPlatformIsATenant(t *testing.T) {
	t.Parallel()
	b := setup(t, strict)
	b.allOn("platform")
	token := b.issuer.token(t, b.clock.Now(), claims{"tenant_id": "platform", "sub": "192.0.2.1", "permissions": access.Read})
	for range 300 {
		b.from("192.0.2.1:1", "GET", platformFlags, "X-Api-Key", "wrong")
	}
	require.Equal(t, 200, b.from("192.0.2.1:1", "GET", "/api/feature-flags", "Authorization", "Bearer "+token).Code)
	for range 300 {
		b.from("192.0.2.1:1", "GET", "/api/feature-flags", "Authorization", "Bearer "+token)
	}
	require.Equal(t, 200, b.from("192.0.2.1:1", "GET", platformFlags, "X-Api-Key", platformKey).Code)
}

func TestBadTokensAreCountedTogetherAndKeepNobodyOut(t *testing.T) {
	t.Parallel()
	b := setup(t, strict)
	b.allOn("t1")
	good := b.reader("t1")
	for i := range 500 {
		path := "/api/feature-flags"
		if i%2 == 0 {
			path = syncPath // audited
		}
		code := b.from("192.0.2.1:1", map[bool]string{true: "POST", false: "GET"}[path == syncPath], path, "Authorization", "Bearer rubbish").Code
		require.Contains(t, []int{401, 429}, code)
	}
	require.Equal(t, 200, b.from("192.0.2.1:1", "GET", "/api/feature-flags", "Authorization", "Bearer "+good).Code)
	rows, attempts := b.trail()
	require.Equal(t, 1, rows)
	require.Equal(t, 500, attempts)
}

func TestCallbacksOfAFloodKeepNoGenuineOneOut(t *testing.T) {
	t.Parallel()
	b := setup(t, strict)
	b.allOn("t1")
	genuine := strings.Repeat("g", 43)
	var mu sync.Mutex
	now, most := 0, 0
	b.backends.on(findFlow, func(_ context.Context, r proto.Message) (proto.Message, error) {
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		defer func() {
			mu.Lock()
			now--
			mu.Unlock()
		}()
		if r.(*connectionv1.FindFlowRequest).GetState() == genuine {
			return &connectionv1.FindFlowResponse{TenantId: "t1"}, nil
		}
		return &connectionv1.FindFlowResponse{}, nil
	})
	b.backends.on(complete, func(context.Context, proto.Message) (proto.Message, error) {
		return &connectionv1.CompleteCallbackResponse{RedirectUrl: "https://host.example/done?entra_status=success"}, nil
	})
	for range 100 { // spends the address
		b.from("192.0.2.1:1", "GET", gwhttp.CallbackPath+"?code=c&state=made-up")
	}
	mu.Lock()
	most = 0
	mu.Unlock()
	const each = 200 // of these, one is genuine
	known := (*flood - 100 + each - 1) / each
	storm(*flood-100, func(i int) {
		if i%each == 0 {
			for _, address := range []string{"192.0.2.1:1", "198.51.100.1:1"} {
				w := b.from(address, "GET", gwhttp.CallbackPath+"?code=c&state="+genuine)
				if at := w.Header().Get("Location"); at != "https://host.example/done?entra_status=success" {
					t.Errorf("a genuine callback from %s was sent to %s", address, at)
				}
			}
			return
		}
		w := b.from("192.0.2.1:1", "GET", gwhttp.CallbackPath+"?code=c&state=made-up-"+strconv.Itoa(i))
		if at := w.Header().Get("Location"); w.Code != 302 || !strings.HasSuffix(at, "error=invalid_state") {
			t.Errorf("a made-up callback was answered %d and sent to %s", w.Code, at)
		}
	})
	mu.Lock()
	require.LessOrEqual(t, most, 4+1, "look-ups at once: those of the spent address, and one of the other")
	mu.Unlock()
	require.Len(t, b.backends.of(complete), 2*known, "no made-up state goes further than the look-up")
	rows, attempts := b.trail()
	require.Equal(t, 1, rows)
	require.Equal(t, *flood-known, attempts)
}

// A state that was used up is known, and brought again and again all the same.
func TestRepeatedCallbacksAreMetered(t *testing.T) {
	t.Parallel()
	b := setup(t, strict)
	b.allOn("t1")
	b.backends.on(findFlow, func(context.Context, proto.Message) (proto.Message, error) {
		return &connectionv1.FindFlowResponse{TenantId: "t1"}, nil
	})
	b.backends.on(complete, func(context.Context, proto.Message) (proto.Message, error) {
		return &connectionv1.CompleteCallbackResponse{RedirectUrl: "https://host.example/done?entra_status=failure&error=invalid_state"}, nil
	})
	for range 30 {
		b.from("192.0.2.1:1", "GET", gwhttp.CallbackPath+"?code=c&state=s")
	}
	_, attempts := b.trail()
	require.Equal(t, 30, attempts)
}

func TestTheAddressBehindATrustedProxyCounts(t *testing.T) {
	t.Parallel()
	proxies, err := gwhttp.ParseProxies([]string{"10.0.0.0/8"})
	require.NoError(t, err)
	b := setup(t, strict, func(p *gateway.Parts) { p.Proxies = proxies })
	b.allOn("t1")
	wrong := func(peer, forwarded string) int {
		return b.from(peer, "GET", platformFlags, "X-Api-Key", "wrong", "X-Forwarded-For", forwarded).Code
	}
	for range 50 {
		wrong("10.0.0.1:1", "2001:db8:1:2::1")
	}
	require.Equal(t, 429, wrong("10.0.0.1:1", "2001:db8:1:2:ffff::9"), "the same network")
	require.Equal(t, 401, wrong("10.0.0.1:1", "2001:db8:1:3::1"), "another network")
	for i := range 50 {
		wrong("192.0.2.1:1", "203.0.113."+strconv.Itoa(i)) // no proxy of ours: the header is the caller's invention
	}
	require.Equal(t, 429, wrong("192.0.2.1:1", "203.0.113.99"))
	b.as(b.admin("t1"), "POST", syncPath, `{"scope":"initial"}`)
	b.from("10.0.0.1:1", "POST", syncPath, "Authorization", "Bearer "+b.reader("t1"), "X-Forwarded-For", "203.0.113.5")
	events := b.as(b.reader("t1"), "GET", "/api/audit", "").json(t)["events"].([]any)
	require.Equal(t, "203.0.113.5", events[0].(map[string]any)["remoteAddr"])
}
