package graph

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"testing"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/microsofttest"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/pace"
)

// perUser reports what a benchmark took for each user.
func perUser(b *testing.B, users int, before runtime.MemStats) {
	b.Helper()
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(users)/b.Elapsed().Seconds(), "users/s")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(users), "allocs/user")
}

// BenchmarkDecodePage is the decoder alone, on one core, for a page already
// received.
func BenchmarkDecodePage(b *testing.B) {
	const users = 999
	body := realisticPage(users)
	b.SetBytes(int64(len(body)))
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	var p page
	decoded := 0
	for b.Loop() {
		if err := parsePage(body, &p); err != nil {
			b.Fatal(err)
		}
		decoded += len(p.users)
	}
	perUser(b, decoded, before)
}

// BenchmarkListUsersLoopback is a whole listing of 50,949 users in 51 pages over
// loopback, the sending side and HTTP included.
func BenchmarkListUsersLoopback(b *testing.B) {
	const pages, size = 51, 999
	var server *httptest.Server
	body := realisticPage(size)
	last := bytes.Replace(body, []byte(`"@odata.nextLink":`), []byte(`"unread":`), 1)
	next := make([][]byte, pages)
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1.0/users/delta" {
			_, _ = w.Write([]byte(`{"value":[],"@odata.deltaLink":"` + server.URL + `/v1.0/users/delta?$deltatoken=d"}`))
			return
		}
		n, _ := strconv.Atoi(r.URL.Query().Get("$skiptoken"))
		_, _ = w.Write(next[n])
	}))
	defer server.Close()
	for n := range next {
		next[n] = bytes.Replace(body, []byte("https://graph.microsoft.com/v1.0/users?$skiptoken=abc"), []byte(server.URL+"/v1.0/users?$skiptoken="+strconv.Itoa(n+1)), 1)
	}
	next[pages-1] = last
	c, err := New(Options{Address: server.URL})
	if err != nil {
		b.Fatal(err)
	}
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	listed := 0
	for b.Loop() {
		err := c.ListUsers(b.Context(), microsofttest.Tokens{App: "app", Directory: "tenant"}, connection.UsersRequest{ManagedTenant: "tenant"}, func(e connection.UsersEvent) error {
			if e.Page != nil {
				listed += len(e.Page.Users)
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	perUser(b, listed, before)
}

// BenchmarkQuota is what the budgets and the breaker cost one request that is below
// the limits.
func BenchmarkQuota(b *testing.B) {
	c, err := New(Options{Address: microsofttest.GraphBase})
	if err != nil {
		b.Fatal(err)
	}
	tokens := microsofttest.Tokens{App: "app", Directory: "tenant"}
	for b.Loop() {
		l, err := c.quotaOf(b.Context(), tokens)
		if err != nil {
			b.Fatal(err)
		}
		// Without cost, so that the benchmark does not come to the limits.
		_, leave, err := l.Enter(b.Context(), 0, 0, pace.LongestWait)
		if err != nil {
			b.Fatal(err)
		}
		done, err := l.Breaker().Enter()
		if err != nil {
			b.Fatal(err)
		}
		done(nil)
		l.SettleCost(http.Header{}, 1)
		leave()
	}
}
