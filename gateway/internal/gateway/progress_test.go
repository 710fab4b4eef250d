package gateway_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/gateway/internal/access"
	"github.com/entrasync/entrasync/gateway/internal/gateway"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

const watchRun = "/entrasync.syncengine.v1.ProgressInternalService/WatchRun"

func eventsOf(run string) string { return "/api/integrations/entra/sync/runs/" + run + "/events" }

// event is one server-sent event.
type event struct {
	id, name string
	data     map[string]any
}

// stream is a listener to the events of a run.
type stream struct {
	t      *testing.T
	res    *http.Response
	lines  *bufio.Scanner
	cancel context.CancelFunc
}

func (b *bundle) listen(run, last string) *stream {
	b.t.Helper()
	return b.listenAs(b.reader("t1"), run, last)
}

func (b *bundle) listenAs(token, run, last string) *stream {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	b.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url+eventsOf(run), nil)
	require.NoError(b.t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	res, err := http.DefaultClient.Do(r)
	require.NoError(b.t, err)
	b.t.Cleanup(func() { _ = res.Body.Close() })
	return &stream{t: b.t, res: res, lines: bufio.NewScanner(res.Body), cancel: cancel}
}

// next gives the next event; false at the end of the stream.
func (s *stream) next() (e event, ok bool) {
	s.t.Helper()
	for s.lines.Scan() {
		name, value, _ := strings.Cut(s.lines.Text(), ": ")
		switch name {
		case "id":
			e.id = value
		case "event":
			e.name = value
		case "data":
			require.NoError(s.t, json.Unmarshal([]byte(value), &e.data))
		case "":
			if e.id != "" {
				return e, true
			}
		}
	}
	return e, false
}

func (e event) tenants() (ids []string) {
	for _, t := range e.data["tenants"].([]any) {
		ids = append(ids, t.(map[string]any)["managedTenantId"].(string)+" "+t.(map[string]any)["phase"].(string))
	}
	return ids
}

func at(state string, tenants ...*syncenginev1.TenantProgress) *syncenginev1.RunProgress {
	return &syncenginev1.RunProgress{RunId: "r1", State: state, TotalTenants: 3, Counters: &syncenginev1.Counters{Created: 2}, Tenants: tenants}
}

func phase(id, phase string) *syncenginev1.TenantProgress {
	return &syncenginev1.TenantProgress{ManagedTenantId: id, State: "running", Phase: phase, Staged: 7}
}

func TestEventsOfARunTellOfChangesUntilItEnds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	engine := b.backends.watching("r1")
	engine <- at("running", phase("a", "staging"), phase("b", "staging"))
	one := b.listen("r1", "")
	require.Equal(t, "text/event-stream", one.res.Header.Get("Content-Type"))
	require.Equal(t, "no-store", one.res.Header.Get("Cache-Control"))
	first, ok := one.next()
	require.True(t, ok)
	require.Equal(t, "progress", first.name)
	require.Equal(t, []string{"a staging", "b staging"}, first.tenants())
	require.Equal(t, "r1", first.data["runId"])
	require.EqualValues(t, 0, first.data["processedTenants"], "counts are there also when zero")
	require.EqualValues(t, 2, first.data["counters"].(map[string]any)["created"])

	// Another listener, and one that comes again, share the one stream from the engine.
	two := b.listen("r1", "")
	_, ok = two.next()
	require.True(t, ok)
	engine <- at("running", phase("b", "applying"))
	for _, s := range []*stream{one, two} {
		e, ok := s.next()
		require.True(t, ok)
		require.Equal(t, []string{"b applying"}, e.tenants(), "what has changed alone")
	}
	two.cancel()
	again, ok := b.listen("r1", first.id).next()
	require.True(t, ok)
	require.Equal(t, []string{"b applying"}, again.tenants(), "from where it left off")
	stranger, ok := b.listen("r1", "another-9").next()
	require.True(t, ok)
	require.Equal(t, []string{"a staging", "b applying"}, stranger.tenants(), "everything, for an id of another stream")
	require.Len(t, b.backends.of(watchRun), 1)
	require.EqualValues(t, "t1", b.backends.of(watchRun)[0].call.Tenant)

	engine <- at("completed", phase("a", "closing"))
	close(engine)
	last, ok := one.next()
	require.True(t, ok)
	require.Equal(t, "completed", last.data["state"])
	_, more := one.next()
	require.False(t, more, "the stream ends with the run")
	done := b.listen("r1", last.id)
	require.Equal(t, http.StatusNoContent, done.res.StatusCode, "a browser does not come again")
}

func TestEventsAreRefusedBeforeTheyBegin(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allOn("t1")
	require.Equal(t, "not_found", b.as(b.reader("t1"), "GET", eventsOf("unknown"), "").problem(t).Code)
	require.Equal(t, 405, b.as(b.admin("t1"), "POST", eventsOf("r1"), "{}").status)
	engine := b.backends.watching("r1")
	var streams []*stream
	engine <- at("running")
	for person := range 4 {
		token := b.watcher("t1", person)
		for range 64 {
			s := b.listenAs(token, "r1", "")
			require.Equal(t, 200, s.res.StatusCode)
			streams = append(streams, s)
		}
		require.Equal(t, "tenant_busy", b.as(token, "GET", eventsOf("r1"), "").problem(t).Code, "nobody takes what others need")
	}
	require.Equal(t, "tenant_busy", b.as(b.watcher("t1", 4), "GET", eventsOf("r1"), "").problem(t).Code)
	streams[0].cancel() // and there is a place again
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		again := b.listenAs(b.watcher("t1", 0), "r1", "")
		if assert.Equal(c, 200, again.res.StatusCode) {
			streams = append(streams, again)
		}
	}, time.Minute, 10*time.Millisecond)
	streams = streams[1:]
	// The gateway stops: streams end, and nobody is let in.
	b.background(t, "progress of runs")
	for _, s := range streams {
		_, _ = io.Copy(io.Discard, s.res.Body)
	}
	require.Equal(t, 503, b.as(b.reader("t1"), "GET", eventsOf("r1"), "").status)
}

// watcher is one of many persons who may read.
func (b *bundle) watcher(id string, person int) string {
	return b.issuer.token(b.t, b.clock.Now(), claims{"tenant_id": id, "permissions": access.Read, "sub": fmt.Sprintf("watcher-%d", person)})
}

// background runs one part of the background until it has ended.
func (b *bundle) background(t *testing.T, name string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	for _, server := range b.handler.Background() {
		if server.Name == name {
			require.NoError(t, server.Serve(ctx))
			return
		}
	}
	require.Fail(t, "there is no "+name)
}

// idleStreams is how many streams are held open at once, of as many tenants as it
// takes.
const idleStreams, tenants = 1000, 4

// Not parallel: it measures the memory of the process.
func TestAThousandIdleStreamsTakeLittleMemory(t *testing.T) {
	b := setup(t, func(p *gateway.Parts) {})
	for i := range tenants {
		b.allOn(fmt.Sprintf("t%d", i))
		b.backends.watching(fmt.Sprintf("r%d", i)) <- at("running", phase("a", "staging"))
	}
	used := func() uint64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return stats.HeapInuse + stats.StackInuse
	}
	before := used()
	for i := range idleStreams {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(b.url, "http://"))
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		run, token := fmt.Sprintf("r%d", i%tenants), b.watcher(fmt.Sprintf("t%d", i%tenants), i/tenants/50)
		_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", eventsOf(run), token)
		require.NoError(t, err)
		head := make([]byte, 1024)
		for read := 0; !strings.Contains(string(head[:read]), "data: {"); {
			n, err := conn.Read(head[read:])
			require.NoError(t, err, string(head[:read]))
			read += n
		}
	}
	grown := int64(used()) - int64(before)
	t.Logf("%d idle streams take %d kB", idleStreams, grown>>10)
	require.Less(t, grown, int64(50<<20))
	require.Len(t, b.backends.of(watchRun), tenants)
}
