package temporal

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
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
	operator, err := s.credentials()
	if err != nil {
		return err
	}
	conn, err := grpc.NewClient(ports.Addr(s.Ports.Temporal), grpc.WithTransportCredentials(operator))
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

// ensureNamespace makes the namespace without looking for it first: the frontend remembers for a
// second what it did not find, and refuses it until then.
func (s Server) ensureNamespace(ctx context.Context, client workflowservice.WorkflowServiceClient) error {
	_, err := client.RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace:                        s.Namespace,
		Description:                      "entrasync",
		WorkflowExecutionRetentionPeriod: durationpb.New(retention),
	})
	if err != nil && status.Code(err) != codes.AlreadyExists {
		return fmt.Errorf("making namespace %s: %w", s.Namespace, err)
	}
	// Only a call that works in the namespace shows that the frontend knows it.
	_, err = client.ListWorkflowExecutions(ctx, &workflowservice.ListWorkflowExecutionsRequest{Namespace: s.Namespace, PageSize: 1})
	if err != nil {
		return fmt.Errorf("looking into namespace %s: %w", s.Namespace, err)
	}
	return nil
}
