package progress

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

const (
	// listenersPerTenant bounds the streams of one tenant at one gateway.
	listenersPerTenant = 256
	// listenersPerPerson bounds those of one person, who leaves room for others.
	listenersPerPerson = 64
)

// Hub watches runs for listeners.
type Hub struct {
	engine syncenginev1.ProgressInternalServiceClient

	mu      sync.Mutex
	runs    map[key]*run
	tenants map[tenant.ID]int // listeners
	persons map[person]int    // listeners
	closed  bool
}

type key struct {
	tenant tenant.ID
	run    string
}

// person is a caller of a tenant.
type person struct {
	tenant tenant.ID
	actor  tenant.Actor
}

// NewHub makes a hub.
func NewHub(engine syncenginev1.ProgressInternalServiceClient) *Hub {
	return &Hub{engine: engine, runs: map[key]*run{}, tenants: map[tenant.ID]int{}, persons: map[person]int{}}
}

// errStopping is what listeners get when the gateway stops: they connect
// again, to another one.
var errStopping = errs.New(errs.Unavailable, reason.Unavailable, "This gateway is stopping.", errs.WithRetryAfter(time.Second))

// Serve ends all streams when ctx ends, so that they do not hold up the stop.
func (h *Hub) Serve(ctx context.Context) error {
	<-ctx.Done()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for _, r := range h.runs {
		r.stop()
		r.broken(errStopping)
	}
	return nil
}

// Listener follows one run for one caller. It is used by one goroutine.
type Listener struct {
	hub  *Hub
	key  key
	who  person
	run  *run
	last string
}

// Listen follows a run of the caller's tenant from the event of that id on; from
// the beginning without one. errs.Exhausted, reason "tenant_busy", when the tenant or
// the caller has too many listeners. Close ends it.
func (h *Hub) Listen(call tenant.Call, runID, lastEventID string) (*Listener, error) {
	k, who := key{tenant: call.Tenant, run: runID}, person{tenant: call.Tenant, actor: call.Actor}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, errStopping
	}
	if h.tenants[k.tenant] >= listenersPerTenant {
		return nil, errs.New(errs.Exhausted, reason.TenantBusy, "Too many runs of this organisation are being watched.", errs.WithRetryAfter(time.Minute))
	}
	if h.persons[who] >= listenersPerPerson {
		return nil, errs.New(errs.Exhausted, reason.TenantBusy, "You are watching too many runs at once.", errs.WithRetryAfter(time.Minute))
	}
	r := h.runs[k]
	if r == nil {
		ctx, stop := context.WithCancel(tenant.With(context.Background(), tenant.Call{Tenant: call.Tenant, Actor: call.Actor}))
		r = newRun(stop)
		h.runs[k] = r
		go h.watch(ctx, k, r)
	}
	r.listeners++
	h.tenants[k.tenant]++
	h.persons[who]++
	return &Listener{hub: h, key: k, who: who, run: r, last: lastEventID}, nil
}

// watch passes the engine's events of a run on until it has ended or nobody listens.
// When the stream breaks before, the listeners get the error and connect again.
func (h *Hub) watch(ctx context.Context, k key, r *run) {
	err := h.follow(ctx, k.run, r)
	h.mu.Lock()
	if h.runs[k] == r {
		delete(h.runs, k) // the next listener begins anew
	}
	h.mu.Unlock()
	r.stop()
	r.broken(err)
}

func (h *Hub) follow(ctx context.Context, id string, r *run) error {
	stream, err := h.engine.WatchRun(ctx, &syncenginev1.WatchRunRequest{RunId: id})
	if err != nil {
		return err
	}
	for {
		answer, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return errs.New(errs.Unavailable, reason.Unavailable, "Nothing more is heard of the run.")
		}
		if err != nil {
			return err
		}
		r.heard(answer.GetProgress())
	}
}

// Next gives the next event. It waits until there is one, ctx ends (ctx's error) or
// wait passes (nil, without an error).
func (l *Listener) Next(ctx context.Context, wait <-chan time.Time) (*Event, error) {
	for {
		event, news, err := l.run.since(l.last)
		if err != nil {
			return nil, err
		}
		if event != nil {
			l.last = event.ID
			return event, nil
		}
		select {
		case <-news:
		case <-wait:
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Close ends the listening, and the watching of a run that nobody else listens to.
func (l *Listener) Close() {
	h := l.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	l.run.listeners--
	if h.tenants[l.key.tenant]--; h.tenants[l.key.tenant] == 0 {
		delete(h.tenants, l.key.tenant)
	}
	if h.persons[l.who]--; h.persons[l.who] == 0 {
		delete(h.persons, l.who)
	}
	if l.run.listeners == 0 {
		l.run.stop()
		if h.runs[l.key] == l.run {
			delete(h.runs, l.key)
		}
	}
}
