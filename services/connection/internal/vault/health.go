package vault

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/vault"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

const (
	// warnEvery is how often the log repeats a failure that lasts.
	warnEvery = time.Minute
	// problemLife is how long a failure counts that was not met again: an operation that
	// no caller tries any more says nothing. A connection in use writes every hour.
	problemLife = 2 * time.Hour
)

// The operations that fail, and work again, on their own: a policy can allow one and
// forbid another.
const (
	opCheck  = "check"
	opRead   = "read"
	opWrite  = "write"
	opDelete = "delete"
	opSweep  = "sweep"
)

// failure is what an operation last failed with.
type failure struct {
	err       *errs.Error
	since, at time.Time
}

// Health is what is known of the store from the operations on it. It logs a failure
// that lasts once a minute, with path and status, and counts every one.
type Health struct {
	now      func() time.Time
	failures *prometheus.CounterVec

	mu     sync.Mutex
	failed map[string]failure   // by operation
	warned map[string]time.Time // by reason
}

func newHealth(now func() time.Time) *Health {
	return &Health{
		now: now, failed: map[string]failure{}, warned: map[string]time.Time{},
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "secret_store_failures_total", Help: "Operations that the secret store failed, by operation and reason.",
		}, []string{"operation", "reason"}),
	}
}

// Collectors are its metrics.
func (h *Health) Collectors() []prometheus.Collector {
	return []prometheus.Collector{h.failures, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "secret_store_working", Help: "1 while the secret store works, 0 while an operation on it fails.",
	}, func() float64 {
		if h.Problem() == nil {
			return 1
		}
		return 0
	})}
}

// Problem implements connection.SecretStoreWatch.
func (h *Health) Problem() *connection.Problem {
	h.mu.Lock()
	defer h.mu.Unlock()
	worst, ok := h.worst()
	if !ok {
		return nil
	}
	return &connection.Problem{
		Code: worst.err.Reason(), Message: worst.err.Public(),
		Remedy: "The operator of entrasync mends it: the log of connection has the store's answer, the guide what to do. Nobody has to connect again.",
	}
}

// worst is the failure that has lasted longest.
func (h *Health) worst() (worst failure, ok bool) {
	for operation, f := range h.failed {
		if h.now().Sub(f.at) > problemLife {
			delete(h.failed, operation)
			continue
		}
		if !ok || f.since.Before(worst.since) {
			worst, ok = f, true
		}
	}
	return worst, ok
}

// record notes how an operation on a path ended.
func (h *Health) record(ctx context.Context, operation, path string, err error) {
	failed, isFailure := errors.AsType[*errs.Error](err)
	switch {
	case isFailure && strings.HasPrefix(failed.Reason(), connection.SecretStoreReasons):
		h.fail(ctx, operation, path, failed)
	case err == nil, errs.KindOf(err) == errs.NotFound, errs.KindOf(err) == errs.Conflict:
		h.work(ctx, operation)
	} // else it says nothing about the store
}

func (h *Health) fail(ctx context.Context, operation, path string, err *errs.Error) {
	h.failures.WithLabelValues(operation, err.Reason()).Inc()
	h.mu.Lock()
	now := h.now()
	f := failure{err: err, since: now, at: now}
	if before, ok := h.failed[operation]; ok && before.err.Reason() == err.Reason() {
		f.since = before.since
	}
	h.failed[operation] = f
	last, warned := h.warned[err.Reason()]
	quiet := warned && now.Sub(last) < warnEvery
	if !quiet {
		h.warned[err.Reason()] = now
	}
	h.mu.Unlock()
	if quiet {
		return
	}
	status := 0 // there was no answer
	if answer, ok := errors.AsType[*vault.Answer](err); ok {
		status, path = answer.Status, answer.Path
	}
	slog.WarnContext(ctx, "the secret store fails", "operation", operation, "reason", err.Reason(), "status", status, "path", path,
		"since", f.since, "error", err)
}

// work notes that an operation worked: so the store can be reached, whatever was tried
// before.
func (h *Health) work(ctx context.Context, operation string) {
	h.mu.Lock()
	before := len(h.failed)
	delete(h.failed, operation)
	for other, f := range h.failed {
		if f.err.Reason() == vault.ReasonUnavailable {
			delete(h.failed, other)
		}
	}
	recovered := before > 0 && len(h.failed) == 0
	if recovered {
		clear(h.warned)
	}
	h.mu.Unlock()
	if recovered {
		slog.InfoContext(ctx, "the secret store works again")
	}
}
