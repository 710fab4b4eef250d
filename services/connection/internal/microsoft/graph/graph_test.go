package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/microsofttest"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/pace"
)

// clientOf is a client whose Microsoft is a handler.
func clientOf(t testing.TB, handler http.Handler) *Client {
	t.Helper()
	c, err := New(Options{Address: microsofttest.GraphBase, Transport: microsofttest.InProcess{Handler: handler}})
	require.NoError(t, err)
	return c
}

// batchOf reads a batch and answers it, the last item first.
func batchOf(w http.ResponseWriter, r *http.Request, each func(i batchItem) itemAnswer) {
	var request batchRequest
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil || len(request.Requests) > 20 {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	answers := make([]itemAnswer, 0, len(request.Requests))
	for _, i := range slices.Backward(request.Requests) {
		a := each(i)
		a.ID = i.ID
		answers = append(answers, a)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"responses": answers})
}

// userItem is the answer to a user read by id.
func userItem(i batchItem) itemAnswer {
	id, _, _ := strings.Cut(strings.TrimPrefix(i.URL, "/users/"), "?")
	return itemAnswer{Status: http.StatusOK, Body: json.RawMessage(`{"id":"` + id + `","displayName":"User"}`)}
}

func throttledItem(seconds int) itemAnswer {
	return itemAnswer{
		Status: http.StatusTooManyRequests, Headers: map[string]string{"Retry-After": strconv.Itoa(seconds)},
		Body: json.RawMessage(`{"error":{"code":"TooManyRequests"}}`),
	}
}

// pagesOf answers listings of users, pages of them with size each.
func pagesOf(w http.ResponseWriter, r *http.Request, pages, size int) {
	if strings.HasSuffix(r.URL.Path, "/delta") {
		_, _ = fmt.Fprintf(w, `{"value":[],"@odata.deltaLink":"%s/v1.0/users/delta?$deltatoken=d"}`, microsofttest.GraphBase)
		return
	}
	n, _ := strconv.Atoi(r.URL.Query().Get("$skiptoken"))
	var b strings.Builder
	b.WriteString(`{"value":[`)
	for i := range size {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"u-%d"}`, n*size+i)
	}
	b.WriteByte(']')
	if n+1 < pages {
		fmt.Fprintf(&b, `,"@odata.nextLink":"%s/v1.0/users?$select=id&$top=999&$skiptoken=%d"`, microsofttest.GraphBase, n+1)
	}
	b.WriteByte('}')
	_, _ = w.Write([]byte(b.String()))
}

// listed gathers a listing.
type listed struct {
	ids      []string
	restarts int
	complete *connection.Completed
}

func list(ctx context.Context, c *Client, tokens connection.TokenSource, r connection.UsersRequest) (listed, error) {
	var l listed
	err := c.ListUsers(ctx, tokens, r, func(e connection.UsersEvent) error {
		switch {
		case e.Page != nil:
			for _, u := range e.Page.Users {
				l.ids = append(l.ids, u.EntraObjectID)
			}
		case e.Restarted != nil:
			l.ids, l.restarts = nil, l.restarts+1
		case e.Completed != nil:
			l.complete = e.Completed
		}
		return nil
	})
	return l, err
}

// ledger is a Graph that holds its callers to the documented limits, in every span
// of time, and counts those that come early.
type ledger struct {
	perDirectory int // units in 10 s

	mu      sync.Mutex
	units   map[string]*span // by directory
	app     span             // units, of the app
	all     span             // requests, of the app
	blocked map[string]time.Time
	refused int
	early   int
	served  int
	peaks   spending
}

// spending is the most that was spent in one span of each limit.
type spending struct {
	directory map[string]int // units
	app       int            // units
	requests  int
}

type entry struct {
	at    time.Time
	units int
}

// span is what was spent in the last while.
type span struct {
	entries []entry
	sum     int
}

// within forgets what is older than since, and returns the rest.
func (s *span) within(since time.Time) int {
	for len(s.entries) > 0 && !s.entries[0].at.After(since) {
		s.sum -= s.entries[0].units
		s.entries = s.entries[1:]
	}
	return s.sum
}

func (s *span) add(e entry) {
	s.entries = append(s.entries, e)
	s.sum += e.units
}

func newLedger(perDirectory int) *ledger {
	return &ledger{
		perDirectory: perDirectory, units: map[string]*span{}, blocked: map[string]time.Time{}, peaks: spending{directory: map[string]int{}},
	}
}

// ask counts a request and returns after how many seconds a refused one may come
// again; zero when it was served.
func (l *ledger) ask(directory string, requests, units int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if now.Before(l.blocked[directory]) {
		l.early++
		return 10
	}
	spent, ok := l.units[directory]
	if !ok {
		spent = &span{}
		l.units[directory] = spent
	}
	if spent.within(now.Add(-pace.UnitsSpan))+units > l.perDirectory || l.app.within(now.Add(-pace.AppSpan))+units > pace.UnitsOfApp ||
		l.all.within(now.Add(-pace.RequestsSpan))+requests > pace.RequestsOfApp {
		l.refused++
		l.blocked[directory] = now.Add(10 * time.Second)
		return 10
	}
	spent.add(entry{now, units})
	l.app.add(entry{now, units})
	l.all.add(entry{now, requests})
	l.served += requests
	l.peaks.directory[directory] = max(l.peaks.directory[directory], spent.sum)
	l.peaks.app, l.peaks.requests = max(l.peaks.app, l.app.sum), max(l.peaks.requests, l.all.sum)
	return 0
}

// serveUsersByID answers batches of users.
func (l *ledger) serveUsersByID(w http.ResponseWriter, r *http.Request) {
	directory := microsofttest.Bearer(r)
	batchOf(w, r, func(i batchItem) itemAnswer {
		if seconds := l.ask(directory, 1, 1); seconds > 0 {
			return throttledItem(seconds)
		}
		return userItem(i)
	})
}

// serveMembers answers listings of groups, so many pages each.
func (l *ledger) serveMembers(w http.ResponseWriter, r *http.Request, pages int) {
	const units = 4 // transitiveMembers costs 5, and 1 less with $select
	if seconds := l.ask(microsofttest.Bearer(r), 1, units); seconds > 0 {
		microsofttest.Throttle(w, seconds)
		return
	}
	page, _ := strconv.Atoi(r.URL.Query().Get("$skiptoken"))
	if page++; page == pages {
		_, _ = w.Write([]byte(`{"value":[{"id":"last"}]}`))
		return
	}
	_, _ = fmt.Fprintf(w, `{"value":[],"@odata.nextLink":"%s%s?$skiptoken=%d"}`, microsofttest.GraphBase, r.URL.Path, page)
}

func manyIDs(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("id-%04d", i)
	}
	return ids
}
