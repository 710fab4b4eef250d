package temporal

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/entrasync/entrasync/deploy/local/internal/ports"
)

// retention is how long finished workflows can be looked at.
const retention = 3 * 24 * time.Hour

// frontendService is the name under which the frontend reports its health.
const frontendService = "temporal.api.workflowservice.v1.WorkflowService"

// Ready says whether the frontend serves and the namespace is there; a missing
// namespace is made.
func (s Server) Ready(ctx context.Context) error {
	conn, err := grpc.NewClient(ports.Addr(s.Ports.Temporal), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	health, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{Service: frontendService})
	if err != nil {
		return err
	}
	if health.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		return fmt.Errorf("the frontend is %s", health.GetStatus())
	}
	return s.ensureNamespace(ctx, workflowservice.NewWorkflowServiceClient(conn))
}

func (s Server) ensureNamespace(ctx context.Context, client workflowservice.WorkflowServiceClient) error {
	_, err := client.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: s.Namespace})
	if status.Code(err) != codes.NotFound {
		return err
	}
	_, err = client.RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace:                        s.Namespace,
		Description:                      "entrasync",
		WorkflowExecutionRetentionPeriod: durationpb.New(retention),
	})
	if err != nil && status.Code(err) != codes.AlreadyExists {
		return fmt.Errorf("making namespace %s: %w", s.Namespace, err)
	}
	// The frontend reads namespaces through a cache; what it does not know yet
	// would be refused, so readiness waits for the next look.
	_, err = client.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: s.Namespace})
	return err
}
