package rest

import (
	"context"
	"errors"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"

	"github.com/entrasync/entrasync/gateway/internal/access"
	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	discoveryv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/discovery/v1"
	gatewayv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/gateway/v1"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
	reconciliationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

// register mounts the generated handlers of every public service. A test holds
// it against the contracts. One that is not offered is mounted where its methods
// are.
func register(ctx context.Context, mux *runtime.ServeMux, conn grpc.ClientConnInterface, methods map[string]access.Method) error {
	if _, ok := methods[connectionv1.CippService_SaveCipp_FullMethodName]; ok {
		if err := connectionv1.RegisterCippServiceHandlerClient(ctx, mux, connectionv1.NewCippServiceClient(conn)); err != nil {
			return err
		}
	}
	return errors.Join(
		connectionv1.RegisterConnectionServiceHandlerClient(ctx, mux, connectionv1.NewConnectionServiceClient(conn)),
		discoveryv1.RegisterDiscoveryServiceHandlerClient(ctx, mux, discoveryv1.NewDiscoveryServiceClient(conn)),
		mappingv1.RegisterMappingServiceHandlerClient(ctx, mux, mappingv1.NewMappingServiceClient(conn)),
		mappingv1.RegisterClientServiceHandlerClient(ctx, mux, mappingv1.NewClientServiceClient(conn)),
		syncenginev1.RegisterRunServiceHandlerClient(ctx, mux, syncenginev1.NewRunServiceClient(conn)),
		syncenginev1.RegisterReportServiceHandlerClient(ctx, mux, syncenginev1.NewReportServiceClient(conn)),
		syncenginev1.RegisterPersonServiceHandlerClient(ctx, mux, syncenginev1.NewPersonServiceClient(conn)),
		syncenginev1.RegisterExplainServiceHandlerClient(ctx, mux, syncenginev1.NewExplainServiceClient(conn)),
		syncenginev1.RegisterFilterTestServiceHandlerClient(ctx, mux, syncenginev1.NewFilterTestServiceClient(conn)),
		syncenginev1.RegisterSettingsServiceHandlerClient(ctx, mux, syncenginev1.NewSettingsServiceClient(conn)),
		syncenginev1.RegisterContactServiceHandlerClient(ctx, mux, syncenginev1.NewContactServiceClient(conn)),
		// After the contacts: of two routes that fit, the one registered last is taken.
		syncenginev1.RegisterChangeServiceHandlerClient(ctx, mux, syncenginev1.NewChangeServiceClient(conn)),
		reconciliationv1.RegisterReconciliationServiceHandlerClient(ctx, mux, reconciliationv1.NewReconciliationServiceClient(conn)),
		reconciliationv1.RegisterDecisionServiceHandlerClient(ctx, mux, reconciliationv1.NewDecisionServiceClient(conn)),
		orchestrationv1.RegisterOrchestrationServiceHandlerClient(ctx, mux, orchestrationv1.NewOrchestrationServiceClient(conn)),
		gatewayv1.RegisterStatusServiceHandlerClient(ctx, mux, gatewayv1.NewStatusServiceClient(conn)),
		gatewayv1.RegisterFeatureFlagServiceHandlerClient(ctx, mux, gatewayv1.NewFeatureFlagServiceClient(conn)),
		gatewayv1.RegisterPlatformFlagServiceHandlerClient(ctx, mux, gatewayv1.NewPlatformFlagServiceClient(conn)),
		gatewayv1.RegisterAuditServiceHandlerClient(ctx, mux, gatewayv1.NewAuditServiceClient(conn)),
		gatewayv1.RegisterWebhookServiceHandlerClient(ctx, mux, gatewayv1.NewWebhookServiceClient(conn)),
	)
}
