package temporal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/entrasync/entrasync/services/worker/internal/orchestration"
	"github.com/entrasync/entrasync/services/worker/internal/searchattribute"
	"github.com/entrasync/entrasync/services/worker/internal/workflow"
)

// attributesAgain is how long the answer is kept that the namespace lacks our search attributes.
const attributesAgain = time.Minute

// searchableEvery is how often it is tried whether new attributes can be searched by.
const searchableEvery = 200 * time.Millisecond

// Attributes reports whether the namespace knows the search attributes by which operators find runs.
// Temporal refuses workflows that carry attributes it does not know: then runs are started without
// them and cannot be found by tenant or state. It is safe for concurrent use.
type Attributes struct {
	client    client.Client
	namespace string

	mu    sync.Mutex
	known bool
	asked time.Time
}

// NewAttributes makes the look-up. A nil one knows none.
func NewAttributes(c client.Client, namespace string) *Attributes {
	return &Attributes{client: c, namespace: namespace}
}

// Known asks Temporal, at most once a minute until it knows them.
func (a *Attributes) Known(ctx context.Context) bool {
	if a == nil {
		return false
	}
	a.mu.Lock()
	known, fresh := a.known, !a.asked.IsZero() && time.Since(a.asked) < attributesAgain
	a.mu.Unlock()
	if known || fresh {
		return known
	}
	res, err := a.client.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: a.namespace})
	if err != nil {
		slog.DebugContext(ctx, "asking Temporal for its search attributes", "error", err) // it is asked again with the next run
		return false
	}
	known = true
	for _, name := range searchattribute.All() {
		known = known && res.GetCustomAttributes()[name] == enumspb.INDEXED_VALUE_TYPE_KEYWORD
	}
	if !known {
		slog.WarnContext(ctx, "the namespace lacks search attributes, so runs cannot be found by tenant or state: run \"worker search-attributes\" once", "namespace", a.namespace)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known, a.asked = known, time.Now()
	return known
}

// Register adds the search attributes that the namespace lacks, and returns when it can be searched
// by them; it may be repeated.
func (a *Attributes) Register(ctx context.Context) error {
	missing := map[string]enumspb.IndexedValueType{}
	res, err := a.client.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: a.namespace})
	if err != nil {
		return fmt.Errorf("listing the namespace's search attributes: %w", err)
	}
	for _, name := range searchattribute.All() {
		switch kind, ok := res.GetCustomAttributes()[name]; {
		case !ok:
			missing[name] = enumspb.INDEXED_VALUE_TYPE_KEYWORD
		case kind != enumspb.INDEXED_VALUE_TYPE_KEYWORD:
			return fmt.Errorf("the namespace has a search attribute %s that is no Keyword", name)
		}
	}
	if len(missing) > 0 {
		_, err = a.client.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: a.namespace, SearchAttributes: missing})
		if err != nil {
			return fmt.Errorf("adding search attributes to the namespace: %w", err)
		}
	}
	return a.searchable(ctx)
}

// searchable waits until the server's parts know the attributes: each looks again every few seconds
// at what it knows of a namespace, and refuses them until then.
func (a *Attributes) searchable(ctx context.Context) error {
	tick := time.NewTicker(searchableEvery)
	defer tick.Stop()
	var conditions []string
	for _, name := range searchattribute.All() {
		conditions = append(conditions, name+" = 'none'")
	}
	query := &workflowservice.ListWorkflowExecutionsRequest{Namespace: a.namespace, PageSize: 1, Query: strings.Join(conditions, " AND ")}
	for {
		_, err := a.client.ListWorkflow(ctx, query)
		if unknown := new(serviceerror.InvalidArgument); err == nil || !errors.As(err, &unknown) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the namespace cannot be searched by its new attributes yet: %w", err)
		case <-tick.C:
		}
	}
}

// ofRun are the attributes of a run's workflow; none where the namespace knows none.
func (a *Attributes) ofRun(ctx context.Context, job orchestration.Job) temporal.SearchAttributes {
	if !a.Known(ctx) {
		return temporal.SearchAttributes{}
	}
	attributes := []temporal.SearchAttributeUpdate{
		workflow.AttributeTenant.ValueSet(job.TenantID), workflow.AttributeRunType.ValueSet(string(job.Kind)),
		workflow.AttributeRunID.ValueSet(job.RunID), workflow.AttributeState.ValueSet(string(orchestration.StateQueued)),
	}
	if job.ClientID != "" {
		attributes = append(attributes, workflow.AttributeClient.ValueSet(job.ClientID))
	}
	return temporal.NewSearchAttributes(attributes...)
}

// ofTenant are the attributes of what a tenant's schedules start.
func (a *Attributes) ofTenant(ctx context.Context, tenantID string) temporal.SearchAttributes {
	if !a.Known(ctx) {
		return temporal.SearchAttributes{}
	}
	return temporal.NewSearchAttributes(workflow.AttributeTenant.ValueSet(tenantID))
}
