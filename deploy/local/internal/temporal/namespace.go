package temporal

import (
	"context"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/entrasync/entrasync/deploy/local/internal/ports"
	"github.com/entrasync/entrasync/proto/entrasync/searchattribute"
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
	return s.ensureNamespace(ctx, workflowservice.NewWorkflowServiceClient(conn), operatorservice.NewOperatorServiceClient(conn))
}

// ensureNamespace makes the namespace without looking for it first: the frontend remembers for a
// second what it did not find, and refuses it until then.
func (s Server) ensureNamespace(ctx context.Context, client workflowservice.WorkflowServiceClient, operator operatorservice.OperatorServiceClient) error {
	_, err := client.RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace:                        s.Namespace,
		Description:                      "entrasync",
		WorkflowExecutionRetentionPeriod: durationpb.New(retention),
	})
	if err != nil && status.Code(err) != codes.AlreadyExists {
		return fmt.Errorf("making namespace %s: %w", s.Namespace, err)
	}
	// Only a call that works in the namespace shows that the frontend knows it, and its attributes.
	query := searchattribute.State + " = 'none'"
	if err := s.ensureAttributes(ctx, operator); err != nil {
		return err
	}
	_, err = client.ListWorkflowExecutions(ctx, &workflowservice.ListWorkflowExecutionsRequest{Namespace: s.Namespace, PageSize: 1, Query: query})
	if err != nil {
		return fmt.Errorf("looking into namespace %s: %w", s.Namespace, err)
	}
	return nil
}

// ensureAttributes adds the search attributes by which runs are found.
func (s Server) ensureAttributes(ctx context.Context, client operatorservice.OperatorServiceClient) error {
	known, err := client.ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: s.Namespace})
	if err != nil {
		return fmt.Errorf("listing the search attributes of namespace %s: %w", s.Namespace, err)
	}
	missing := map[string]enumspb.IndexedValueType{}
	for _, name := range searchattribute.All() {
		if _, ok := known.GetCustomAttributes()[name]; !ok {
			missing[name] = enumspb.INDEXED_VALUE_TYPE_KEYWORD
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = client.AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: s.Namespace, SearchAttributes: missing})
	if err != nil {
		return fmt.Errorf("adding search attributes to namespace %s: %w", s.Namespace, err)
	}
	return nil
}
