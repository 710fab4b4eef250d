package acceptance

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/entrasync/entrasync/pkg/rpc/rpctest"
)

// temporalNamespace is where the stack's workflows run.
const temporalNamespace = "entrasync"

// atTemporal is somebody who reaches Temporal's frontend.
type atTemporal struct {
	workflowservice.WorkflowServiceClient
}

// requireTemporalRefusesStrangers has people without a certificate, and with certificates that others
// made or made for something else, try to change a workflow; and the operator, who may.
func (w *world) requireTemporalRefusesStrangers(t *testing.T) {
	ports := w.stack.Options().Ports
	c := w.mapped(t, "strangers")
	require.Equal(t, "completed", sync(t, c, "initial").Run.State, "who has a certificate is served")

	operator := w.temporal(t, w.temporalTLS(t, w.stack.TemporalTLSDir("operator")))
	const open = "stands-open"
	require.NoError(t, operator.start(t, open))
	began := operator.events(t, open)

	authority := w.temporalTLS(t, "")
	foreign := rpctest.New(t).Dir("worker")
	strangers := map[string]credentials.TransportCredentials{
		"in clear text":                   insecure.NewCredentials(),
		"without a certificate":           credentials.NewTLS(authority),
		"with another authority's":        credentials.NewTLS(showing(t, authority, foreign)),
		"with that of the gateway":        credentials.NewTLS(showing(t, authority, w.stack.TLSDir("gateway"))),
		"with the worker's for the peers": credentials.NewTLS(showing(t, authority, w.stack.TLSDir("worker"))),
	}
	for who, shows := range strangers {
		t.Run(who, func(t *testing.T) {
			stranger := w.temporalAs(t, shows)
			for what, err := range map[string]error{
				"start": stranger.start(t, "a-strangers"), "signal": stranger.signal(t, open),
				"cancel": stranger.cancel(t, open), "terminate": stranger.terminate(t, open),
			} {
				require.Equal(t, codes.Unavailable, status.Code(err), "%s must fail with the handshake: %v", what, err)
			}
			// The parts behind the frontend would do the same.
			for _, port := range []int{ports.TemporalHistory, ports.TemporalMatching, ports.TemporalWorker} {
				conn := dialPort(t, port, shows)
				_, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{})
				require.Equal(t, codes.Unavailable, status.Code(err), "%v", err)
			}
		})
	}
	t.Run("over HTTP", func(t *testing.T) {
		for scheme, client := range map[string]*http.Client{
			"http": {}, "https": {Transport: &http.Transport{TLSClientConfig: authority}},
		} {
			res, err := client.Get(fmt.Sprintf("%s://127.0.0.1:%d/api/v1/namespaces/%s/workflows", scheme, ports.TemporalHTTP, temporalNamespace))
			if err == nil {
				require.NoError(t, res.Body.Close())
				require.Equal(t, http.StatusBadRequest, res.StatusCode, "%s: TLS must be asked for", scheme)
			}
		}
	})

	require.Equal(t, began, operator.events(t, open))
	_, err := operator.DescribeWorkflowExecution(t.Context(), &workflowservice.DescribeWorkflowExecutionRequest{
		Namespace: temporalNamespace, Execution: &commonpb.WorkflowExecution{WorkflowId: "a-strangers"},
	})
	require.Equal(t, codes.NotFound, status.Code(err), "%v", err)
	// The same calls change something where they are allowed.
	require.NoError(t, operator.signal(t, open))
	require.NoError(t, operator.cancel(t, open))
	require.NoError(t, operator.terminate(t, open))
	require.Equal(t, append(began, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED), operator.events(t, open))
}

// temporalTLS trusts Temporal's authority, and shows the certificate of a folder, if there is one.
func (w *world) temporalTLS(t *testing.T, dir string) *tls.Config {
	t.Helper()
	authority, err := os.ReadFile(filepath.Join(w.stack.TemporalTLSDir("operator"), "ca.crt"))
	require.NoError(t, err)
	config := &tls.Config{MinVersion: tls.VersionTLS13, ServerName: "temporal", RootCAs: x509.NewCertPool()}
	require.True(t, config.RootCAs.AppendCertsFromPEM(authority))
	if dir == "" {
		return config
	}
	return showing(t, config, dir)
}

// showing shows the certificate of a folder, whoever the server says that it trusts.
func showing(t *testing.T, config *tls.Config, dir string) *tls.Config {
	t.Helper()
	own, err := tls.LoadX509KeyPair(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"))
	require.NoError(t, err)
	config = config.Clone()
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &own, nil }
	return config
}

func (w *world) temporal(t *testing.T, config *tls.Config) atTemporal {
	t.Helper()
	return w.temporalAs(t, credentials.NewTLS(config))
}

func (w *world) temporalAs(t *testing.T, shows credentials.TransportCredentials) atTemporal {
	t.Helper()
	return atTemporal{workflowservice.NewWorkflowServiceClient(dialPort(t, w.stack.Options().Ports.Temporal, shows))}
}

func dialPort(t *testing.T, port int, shows credentials.TransportCredentials) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(fmt.Sprintf("127.0.0.1:%d", port), grpc.WithTransportCredentials(shows))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// start starts a workflow that nobody works on.
func (a atTemporal) start(t *testing.T, id string) error {
	t.Helper()
	_, err := a.StartWorkflowExecution(t.Context(), &workflowservice.StartWorkflowExecutionRequest{
		Namespace: temporalNamespace, WorkflowId: id, RequestId: rand.Text(),
		WorkflowType: &commonpb.WorkflowType{Name: "none"}, TaskQueue: &taskqueuepb.TaskQueue{Name: "nobody"},
	})
	return err
}

func (a atTemporal) signal(t *testing.T, id string) error {
	t.Helper()
	_, err := a.SignalWorkflowExecution(t.Context(), &workflowservice.SignalWorkflowExecutionRequest{
		Namespace: temporalNamespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: id}, SignalName: "go",
	})
	return err
}

func (a atTemporal) cancel(t *testing.T, id string) error {
	t.Helper()
	_, err := a.RequestCancelWorkflowExecution(t.Context(), &workflowservice.RequestCancelWorkflowExecutionRequest{
		Namespace: temporalNamespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: id},
	})
	return err
}

func (a atTemporal) terminate(t *testing.T, id string) error {
	t.Helper()
	_, err := a.TerminateWorkflowExecution(t.Context(), &workflowservice.TerminateWorkflowExecutionRequest{
		Namespace: temporalNamespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: id},
	})
	return err
}

// events are the kinds of a workflow's events, in order.
func (a atTemporal) events(t *testing.T, id string) (kinds []enumspb.EventType) {
	t.Helper()
	res, err := a.GetWorkflowExecutionHistory(t.Context(), &workflowservice.GetWorkflowExecutionHistoryRequest{
		Namespace: temporalNamespace, Execution: &commonpb.WorkflowExecution{WorkflowId: id},
	})
	require.NoError(t, err)
	for _, event := range res.GetHistory().GetEvents() {
		kinds = append(kinds, event.GetEventType())
	}
	return kinds
}
