// Package console has the methods that the gateway answers itself: the status of the
// integration, put together from several services, the effects that are set aside, feature
// flags, the audit trail and webhooks.
package console

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/gateway/internal/webhook"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	discoveryv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/discovery/v1"
	gatewayv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/gateway/v1"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
	reconciliationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

// partTimeout bounds the wait for one service, so that the panel still shows
// what the others say.
const partTimeout = 5 * time.Second

// Backends are the services that the status comes from.
type Backends struct {
	Connection     grpc.ClientConnInterface
	Discovery      grpc.ClientConnInterface
	Mapping        grpc.ClientConnInterface
	SyncEngine     grpc.ClientConnInterface
	Reconciliation grpc.ClientConnInterface
	Worker         grpc.ClientConnInterface
	Webhooks       WebhookList
}

// WebhookList are the tenant's endpoints.
type WebhookList interface {
	List(ctx context.Context) ([]webhook.Endpoint, error)
}

// Status is the status panel: one answer from several services.
type Status struct {
	gatewayv1.UnimplementedStatusServiceServer
	connection     connectionv1.ConnectionInternalServiceClient
	discovery      discoveryv1.DiscoveryInternalServiceClient
	mapping        mappingv1.MappingInternalServiceClient
	engine         syncenginev1.SyncEngineInternalServiceClient
	reconciliation reconciliationv1.ReconciliationInternalServiceClient
	schedules      orchestrationv1.ScheduleInternalServiceClient
	history        syncenginev1.ScheduleInternalServiceClient
	outboxes       map[string]orchestrationv1.EffectServiceClient // by the name of the service
	webhooks       WebhookList
}

// NewStatus makes the server of the status panel.
func NewStatus(b Backends) *Status {
	return &Status{
		connection:     connectionv1.NewConnectionInternalServiceClient(b.Connection),
		discovery:      discoveryv1.NewDiscoveryInternalServiceClient(b.Discovery),
		mapping:        mappingv1.NewMappingInternalServiceClient(b.Mapping),
		engine:         syncenginev1.NewSyncEngineInternalServiceClient(b.SyncEngine),
		reconciliation: reconciliationv1.NewReconciliationInternalServiceClient(b.Reconciliation),
		schedules:      orchestrationv1.NewScheduleInternalServiceClient(b.Worker),
		history:        syncenginev1.NewScheduleInternalServiceClient(b.SyncEngine),
		outboxes: map[string]orchestrationv1.EffectServiceClient{
			"connection":     orchestrationv1.NewEffectServiceClient(b.Connection),
			"mapping":        orchestrationv1.NewEffectServiceClient(b.Mapping),
			"sync-engine":    orchestrationv1.NewEffectServiceClient(b.SyncEngine),
			"reconciliation": orchestrationv1.NewEffectServiceClient(b.Reconciliation),
		},
		webhooks: b.Webhooks,
	}
}

// answers are what the services said; nil where one could not be asked.
type answers struct {
	connection *connectionv1.GetConnectionResponse
	discovery  *discoveryv1.GetDiscoverySummaryResponse
	mapping    *mappingv1.GetMappingSummaryResponse
	engine     *syncenginev1.GetSyncStatusResponse
	queue      *reconciliationv1.CountItemsResponse
	schedule   *orchestrationv1.DescribeScheduleResponse
	failing    *syncenginev1.ListQuarantinedTenantsResponse
	dead       atomic.Int32 // effects that are set aside
	webhooks   []webhook.Endpoint
}

// GetStatus asks all services at once. The connection must answer, for without
// it there is no status; another that does not becomes an attention entry.
func (s *Status) GetStatus(ctx context.Context, _ *gatewayv1.GetStatusRequest) (*gatewayv1.GetStatusResponse, error) {
	var a answers
	var group errgroup.Group
	group.Go(func() (err error) {
		a.connection, err = s.connection.GetConnection(ctx, &connectionv1.GetConnectionRequest{})
		return err
	})
	part(ctx, &group, "discovery", func(ctx context.Context) (err error) {
		a.discovery, err = s.discovery.GetDiscoverySummary(ctx, &discoveryv1.GetDiscoverySummaryRequest{})
		return err
	})
	part(ctx, &group, "mapping", func(ctx context.Context) (err error) {
		a.mapping, err = s.mapping.GetMappingSummary(ctx, &mappingv1.GetMappingSummaryRequest{})
		return err
	})
	part(ctx, &group, "sync-engine", func(ctx context.Context) (err error) {
		a.engine, err = s.engine.GetSyncStatus(ctx, &syncenginev1.GetSyncStatusRequest{})
		return err
	})
	part(ctx, &group, "reconciliation", func(ctx context.Context) (err error) {
		a.queue, err = s.reconciliation.CountItems(ctx, &reconciliationv1.CountItemsRequest{})
		return err
	})
	part(ctx, &group, "quarantine", func(ctx context.Context) (err error) {
		a.failing, err = s.history.ListQuarantinedTenants(ctx, &syncenginev1.ListQuarantinedTenantsRequest{})
		return err
	})
	part(ctx, &group, "webhooks", func(ctx context.Context) (err error) {
		a.webhooks, err = s.webhooks.List(ctx)
		return err
	})
	part(ctx, &group, "worker", func(ctx context.Context) (err error) {
		a.schedule, err = s.schedules.DescribeSchedule(ctx, &orchestrationv1.DescribeScheduleRequest{})
		return err
	})
	s.countDead(ctx, &group, &a.dead)
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return compose(&a), nil
}

// part asks one service whose failure the panel survives. What it said on
// failure is nil.
func part(ctx context.Context, group *errgroup.Group, name string, ask func(context.Context) error) {
	group.Go(func() error {
		ctx, cancel := context.WithTimeout(ctx, partTimeout)
		defer cancel()
		if err := ask(ctx); err != nil {
			slog.WarnContext(ctx, "status without a part", "part", name, "error", err)
		}
		return nil
	})
}

func compose(a *answers) *gatewayv1.GetStatusResponse {
	c := a.connection
	out := &gatewayv1.GetStatusResponse{
		Status: c.GetStatus(), ConnectionType: c.GetConnectionType(), AvailableConnectionTypes: c.GetAvailableConnectionTypes(),
		LastValidatedAt: c.GetLastValidatedAt(), CredentialSource: c.GetCredentialSource(), PartnerTenantId: c.GetPartnerTenantId(),
		LastDiscoveryAt: a.discovery.GetLastDiscoveryAt(), LastRun: a.engine.GetLastRun(),
		MappingSummary: &gatewayv1.StatusMappingSummary{
			Mapped: a.mapping.GetSummary().GetMapped(), Skipped: a.mapping.GetSummary().GetSkipped(),
			NeedsReview: a.mapping.GetSummary().GetNeedsReview(), Undecided: a.mapping.GetSummary().GetUndecided(),
			CreateNew: a.mapping.GetSummary().GetCreateNew(),
		},
		Schedule: schedule(a),
	}
	if e := c.GetLastValidationError(); e != nil {
		out.LastValidationError = &gatewayv1.StatusError{Code: e.GetCode(), Message: e.GetMessage(), CheckedAt: e.GetCheckedAt()}
	}
	out.Attention = attention(a, out)
	return out
}

// schedule says when the next sync starts by itself. Automatic sync being on is a setting; it is
// called enabled only where a schedule stands behind it, or where whether one does is not known.
func schedule(a *answers) *gatewayv1.StatusSchedule {
	if a.schedule == nil {
		return &gatewayv1.StatusSchedule{Unknown: true, Enabled: a.engine.GetScheduleEnabled(), IntervalMinutes: a.engine.GetIntervalMinutes()}
	}
	return &gatewayv1.StatusSchedule{
		Enabled: a.engine.GetScheduleEnabled() && a.schedule.GetExists(), IntervalMinutes: a.engine.GetIntervalMinutes(),
		NextRunAt: a.schedule.GetNextRunAt(), Paused: a.schedule.GetPaused(), PausedReason: a.schedule.GetPausedReason(),
	}
}
