package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/entrasync/entrasync/pkg/outbox/puller"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/connectionstatus"
)

// The types of notices: what happens that neither the feed nor the runs have.
const (
	ConnectionFailed       = "connection.failed"
	ConnectionRecovered    = "connection.recovered"
	ConnectionDisconnected = "connection.disconnected"
	AccessEnding           = "access.ending" // soon; see reminders
	AccessEnded            = "access.ended"
	WebhookDisabled        = "webhook.disabled"
)

var noticeTypes = []string{ConnectionFailed, ConnectionRecovered, ConnectionDisconnected, AccessEnding, AccessEnded, WebhookDisabled}

// timed reports a type of events that are found by their time: runs and notices.
func timed(kind string) bool {
	return strings.HasPrefix(kind, runPrefix) || slices.Contains(noticeTypes, kind)
}

// NoticeStore keeps notices of the context's tenant.
type NoticeStore interface {
	// AddNotice keeps a notice unless there is one with its id.
	AddNotice(ctx context.Context, m Message) error
	// Notices are at most n of that time or later, in the order of their times and ids; of those of that very
	// time only the ones behind the id, all where it is empty.
	Notices(ctx context.Context, since time.Time, after string, n int) ([]Event, error)
}

// notice makes a notice of a document.
func notice(id, kind string, at time.Time, data any) (Message, error) {
	text, err := json.Marshal(data)
	return Message{ID: id, Type: kind, At: at, Data: text}, err
}

// FollowConnection notifies hosts of changes of connections' states.
type FollowConnection struct{ store NoticeStore }

// NewFollowConnection makes the use case.
func NewFollowConnection(store NoticeStore) *FollowConnection { return &FollowConnection{store: store} }

// Do keeps the notice of one change; see puller.Do.
func (f *FollowConnection) Do(ctx context.Context, change puller.Effect) error {
	from, to := change.Arguments["from_status"], change.Arguments["to_status"]
	var kind string
	switch {
	case to == connectionstatus.ValidationFailed:
		kind = ConnectionFailed
	case to == connectionstatus.Connected && from == connectionstatus.ValidationFailed:
		kind = ConnectionRecovered
	case to == connectionstatus.Disconnected:
		kind = ConnectionDisconnected
	default:
		return nil
	}
	m, err := notice("connection_"+change.ID, kind, change.CreatedAt, struct {
		Status string `json:"status"`
		Before string `json:"statusBefore"`
		Code   string `json:"code,omitempty"` // of the failure
	}{to, from, change.Arguments["reason"]})
	if err != nil {
		return err
	}
	return f.store.AddNotice(ctx, m)
}

// EndingAccess is a managed tenant whose access ends or has ended.
type EndingAccess struct {
	ManagedTenantID, EntraTenantID, DisplayName string
	EndsAt                                      time.Time
}

// AccessStore names the tenants that subscribe to access that ends.
type AccessStore interface {
	NoticeStore
	AccessWatchers(ctx context.Context) ([]tenant.ID, error)
}

// AccessSource knows whose access ends within 30 days, or has ended.
type AccessSource interface {
	EndingAccess(ctx context.Context) ([]EndingAccess, error)
}

// WatchAccess is the use case of announcing access that ends to hosts.
type WatchAccess struct {
	store  AccessStore
	source AccessSource
	now    func() time.Time
}

// NewWatchAccess makes the use case.
func NewWatchAccess(store AccessStore, source AccessSource, now func() time.Time) *WatchAccess {
	return &WatchAccess{store: store, source: source, now: now}
}

// reminders are how many days before the end of access hosts are notified, the last first: once at
// each, and a look that comes late announces the nearest alone.
var reminders = []int{1, 7, 30}

const day = 24 * time.Hour

// Do looks once for each tenant that has an endpoint for it. Each end is announced once: its time is
// in the notice's id, so that access that was renewed is announced anew. One tenant whose access
// cannot be looked at does not keep the others from being notified.
func (w *WatchAccess) Do(ctx context.Context) error {
	tenants, err := w.store.AccessWatchers(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for _, id := range tenants {
		mine := tenant.With(ctx, tenant.Call{Tenant: id, Actor: tenant.Actor{ID: "gateway", Type: "system"}})
		if err := w.look(mine); err != nil {
			failed = append(failed, fmt.Errorf("tenant %s: %w", id, err))
		}
	}
	return errors.Join(failed...)
}

func (w *WatchAccess) look(ctx context.Context) error {
	ending, err := w.source.EndingAccess(ctx)
	if err != nil {
		return err
	}
	for _, access := range ending {
		m, err := w.noticeOf(access)
		if err != nil {
			return err
		}
		if err := w.store.AddNotice(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// noticeOf says that access has ended, or at which reminder its end is.
func (w *WatchAccess) noticeOf(access EndingAccess) (Message, error) {
	document := struct {
		ManagedTenantID string    `json:"managedTenantId"`
		EntraTenantID   string    `json:"entraTenantId"`
		DisplayName     string    `json:"displayName"`
		EndsAt          time.Time `json:"accessEndsAt"`
		WithinDays      int       `json:"withinDays,omitempty"` // the reminder
	}{ManagedTenantID: access.ManagedTenantID, EntraTenantID: access.EntraTenantID, DisplayName: access.DisplayName, EndsAt: access.EndsAt.UTC()}
	left := access.EndsAt.Sub(w.now())
	id := fmt.Sprintf("%s_%d", access.ManagedTenantID, access.EndsAt.Unix())
	if left <= 0 {
		return notice("access_ended_"+id, AccessEnded, w.now(), document)
	}
	first := reminders[len(reminders)-1]
	document.WithinDays = first
	for _, days := range reminders {
		if left <= time.Duration(days)*day {
			document.WithinDays = days
			break
		}
	}
	if document.WithinDays != first { // the first reminder has been the only one
		id += fmt.Sprintf("_%d", document.WithinDays)
	}
	return notice("access_ending_"+id, AccessEnding, w.now(), document)
}
