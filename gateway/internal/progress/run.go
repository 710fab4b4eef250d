// Package progress shows how far sync runs have come while they run: one stream
// from the sync engine for each run, and any number of listeners.
package progress

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/entrasync/entrasync/gateway/internal/core"
	"github.com/entrasync/entrasync/proto/entrasync/runstate"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

// ended is the id of the event that says that a run has ended; nothing follows it.
const ended = "end"

// Event is one server-sent event.
type Event struct {
	ID   string
	Data []byte
	Last bool // the run has ended
}

// run is one run that is watched. Listeners share what is kept of it: a slow one
// gets less often what has changed since, and does not delay the others.
type run struct {
	stream string // makes ids of this stream unlike those of others

	mu        sync.Mutex
	seq       int
	last      *syncenginev1.RunProgress // without its managed tenants
	tenants   map[string]*syncenginev1.TenantProgress
	changed   map[string]int // in which message a managed tenant changed last
	terminal  bool
	failed    error
	news      chan struct{} // closed and replaced at each message
	listeners int
	stop      context.CancelFunc
}

func newRun(stop context.CancelFunc) *run {
	return &run{
		stream: rand.Text()[:8], tenants: map[string]*syncenginev1.TenantProgress{}, changed: map[string]int{},
		news: make(chan struct{}), stop: stop,
	}
}

// heard takes one message of the engine.
func (r *run) heard(p *syncenginev1.RunProgress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seq++
	for _, t := range p.GetTenants() {
		r.tenants[t.GetManagedTenantId()], r.changed[t.GetManagedTenantId()] = t, r.seq
	}
	r.last = p
	r.last.Tenants = nil
	r.terminal = !runstate.Open(p.GetState())
	r.wake()
}

// broken ends the stream: by an error, or because nothing follows any more.
func (r *run) broken(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = err
	r.wake()
}

// wake lets those who wait for news look again.
func (r *run) wake() {
	close(r.news)
	r.news = make(chan struct{})
}

// since gives what has changed since an event; nil where nothing has, and then a
// channel that is closed when something does. An id of another stream, or none, is
// answered with everything.
func (r *run) since(id string) (event *Event, news <-chan struct{}, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	after := 0
	if stream, seq, ok := strings.Cut(id, "-"); ok && stream == r.stream {
		after, _ = strconv.Atoi(seq) // what is no number is answered with everything
	}
	if r.failed != nil && (r.last == nil || !r.terminal) {
		return nil, nil, r.failed
	}
	if r.last == nil || after >= r.seq && !r.terminal {
		return nil, r.news, nil
	}
	message := proto.CloneOf(r.last)
	for tenant, seq := range r.changed {
		if seq > after {
			message.Tenants = append(message.Tenants, r.tenants[tenant])
		}
	}
	slices.SortFunc(message.Tenants, func(a, b *syncenginev1.TenantProgress) int {
		return strings.Compare(a.GetManagedTenantId(), b.GetManagedTenantId())
	})
	data, err := core.MarshalJSON.Marshal(message)
	if err != nil {
		return nil, nil, fmt.Errorf("encoding progress: %w", err)
	}
	event = &Event{ID: r.stream + "-" + strconv.Itoa(r.seq), Data: data, Last: r.terminal}
	if r.terminal {
		event.ID = ended
	}
	return event, r.news, nil
}
