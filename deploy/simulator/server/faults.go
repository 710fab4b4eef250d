package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// Fault is a misbehaviour that an administrator ordered.
type Fault struct {
	ID int `json:"id"`
	// Kind is one of faultKinds.
	Kind string `json:"kind"`
	// Route is a pattern such as graph.users or login.*; empty is every route
	// but the administrator's.
	Route string `json:"route,omitempty"`
	// Tenant limits the fault to one tenant's id.
	Tenant string `json:"tenant,omitempty"`
	// Percent of the matching requests; 0 means all. Spread evenly.
	Percent int `json:"percent,omitempty"`
	// Skip lets the first matching requests pass.
	Skip int `json:"skip,omitempty"`
	// Times is how often it happens; 0 is without end.
	Times int `json:"times,omitempty"`
	// ForSeconds ends the fault by itself.
	ForSeconds int `json:"forSeconds,omitempty"`
	// Status is the HTTP status of kind status, 503 if 0, and of oauth-error,
	// the error's own if 0.
	Status int `json:"status,omitempty"`
	// RetryAfterSeconds goes with throttle and status; negative leaves the
	// header out. RetryAfterDate writes it as a date.
	RetryAfterSeconds int  `json:"retryAfterSeconds,omitempty"`
	RetryAfterDate    bool `json:"retryAfterDate,omitempty"`
	// NoCode empties the code of a throttle's body.
	NoCode bool `json:"noCode,omitempty"`
	// DelayMillis is how long slow waits before it answers, and stall in the
	// middle; slow answers at once when the fault is deleted meanwhile.
	DelayMillis int `json:"delayMillis,omitempty"`
	// AfterBytes is where cut, truncate and stall strike.
	AfterBytes int `json:"afterBytes,omitempty"`
	// Body is what kind body answers instead.
	Body string `json:"body,omitempty"`
	// AADSTS is the number of an oauth-error, Code overrides its error.
	AADSTS int    `json:"aadsts,omitempty"`
	Code   string `json:"code,omitempty"`
	// Message is the text of status and of CIPP's errors.
	Message string `json:"message,omitempty"`

	Seen  int `json:"seen"`
	Fired int `json:"fired"`

	until   time.Time
	deleted chan struct{} // closed when the fault is deleted
}

// faultKinds are what can be ordered; the README says what each does.
var faultKinds = []string{
	"throttle", "status", "slow", "drop", "cut", "truncate", "stall", "malformed", "wrong-types", "html", "body",
	"oauth-error", "consent-exists", "expired-page-token", "empty-page", "empty-listing",
	"delta-expired", "delta-resync", "delta-gone", "delta-required", "delta-repeat",
	"cipp-tenants-failed", "cipp-graph-error", "cipp-queued", "cipp-repeat-link",
}

type faults struct {
	mu   sync.Mutex
	now  func() time.Time
	next int
	all  []*Fault
}

func newFaults(now func() time.Time) *faults { return &faults{now: now} }

func (f *faults) add(fault Fault) (Fault, error) {
	if !slices.Contains(faultKinds, fault.Kind) {
		return Fault{}, fmt.Errorf("unknown kind of fault %q: want one of %s", fault.Kind, strings.Join(faultKinds, " "))
	}
	if fault.Percent < 0 || fault.Percent > 100 || fault.Skip < 0 || fault.Times < 0 || fault.ForSeconds < 0 || fault.AfterBytes < 0 || fault.DelayMillis < 0 {
		return Fault{}, errors.New("percent is 0 to 100, and no other number but retryAfterSeconds is below 0")
	}
	if _, err := path.Match(fault.Route, ""); err != nil {
		return Fault{}, fmt.Errorf("route %q: %w", fault.Route, err)
	}
	if fault.Kind == "throttle" && fault.RetryAfterSeconds == 0 {
		fault.RetryAfterSeconds = 1
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next++
	fault.ID, fault.Seen, fault.Fired = f.next, 0, 0
	fault.deleted = make(chan struct{})
	if fault.ForSeconds > 0 {
		fault.until = f.now().Add(time.Duration(fault.ForSeconds) * time.Second)
	}
	f.all = append(f.all, &fault)
	return fault, nil
}

func (f *faults) list() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := []Fault{}
	for _, fault := range f.all {
		out = append(out, *fault)
	}
	return out
}

// remove deletes one fault, or all of them for id 0.
func (f *faults) remove(id int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if id == 0 {
		for _, fault := range f.all {
			close(fault.deleted)
		}
		f.all = nil
		return true
	}
	for i, fault := range f.all {
		if fault.ID == id {
			close(fault.deleted)
			f.all = append(f.all[:i], f.all[i+1:]...)
			return true
		}
	}
	return false
}

// fired are the faults that strike one request, by kind.
type fired map[string]Fault

func (f *faults) take(route, tenant string) fired {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := fired{}
	for _, fault := range f.all {
		matches, _ := path.Match(fault.Route, route)
		if fault.Route != "" && !matches || fault.Tenant != "" && fault.Tenant != tenant {
			continue
		}
		if !fault.until.IsZero() && !f.now().Before(fault.until) {
			continue
		}
		fault.Seen++
		if fault.strikes() {
			fault.Fired++
			out[fault.Kind] = *fault
		}
	}
	return out
}

func (f *Fault) strikes() bool {
	n := f.Seen - f.Skip
	if n <= 0 || f.Times > 0 && f.Fired >= f.Times {
		return false
	}
	if f.Percent <= 0 || f.Percent >= 100 {
		return true
	}
	return n*f.Percent/100 > (n-1)*f.Percent/100
}

func (f Fault) status() int {
	if f.Status == 0 {
		return http.StatusServiceUnavailable
	}
	return f.Status
}

// wait holds a slow request back; false when the caller went away. A dropped
// one never gets an answer: its connection breaks before the first byte.
func (f fired) wait(ctx context.Context) bool {
	if _, dropped := f["drop"]; dropped {
		panic(http.ErrAbortHandler) // the documented way to break a connection off
	}
	slow, ok := f["slow"]
	if !ok {
		return true
	}
	timer := time.NewTimer(time.Duration(slow.DelayMillis) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-slow.deleted:
		return true
	case <-ctx.Done():
		return false
	}
}
