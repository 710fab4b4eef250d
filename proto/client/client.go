// Package client calls entrasync from a host application in Go: the typed clients that are
// generated from the contracts, over the gateway's HTTP interface (Connect), with a bearer token.
//
//	api := client.New("https://entrasync.example", client.Token("…"))
//	page, err := api.Contacts.ListContacts(ctx, &syncenginev1.ListContactsRequest{Q: "berg"})
package client

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	connectionv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/connection/v1"
	discoveryv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/discovery/v1"
	gatewayv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/gateway/v1"
	mappingv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/mapping/v1"
	orchestrationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/orchestration/v1"
	reconciliationv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/reconciliation/v1"
	syncenginev1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/syncengine/v1"
)

// mostAnswer bounds an answer, in bytes.
const mostAnswer = 64 << 20

// Client has one typed client for each public service.
type Client struct {
	Connection ConnectionClient
	Discovery  discoveryv1.DiscoveryServiceClient
	Clients    mappingv1.ClientServiceClient
	Mappings   mappingv1.MappingServiceClient
	Syncs      orchestrationv1.OrchestrationServiceClient
	Runs       syncenginev1.RunServiceClient
	Reports    syncenginev1.ReportServiceClient
	Settings   syncenginev1.SettingsServiceClient
	Filters    syncenginev1.FilterTestServiceClient
	Contacts   syncenginev1.ContactServiceClient
	Changes    syncenginev1.ChangeServiceClient
	People     syncenginev1.PersonServiceClient
	Explain    syncenginev1.ExplainServiceClient
	Queue      reconciliationv1.ReconciliationServiceClient
	Decisions  reconciliationv1.DecisionServiceClient
	Status     gatewayv1.StatusServiceClient
	Flags      gatewayv1.FeatureFlagServiceClient
	Audit      gatewayv1.AuditServiceClient
	Webhooks   gatewayv1.WebhookServiceClient
}

// ConnectionClient is the client of the connection to Microsoft.
type ConnectionClient = connectionv1.ConnectionServiceClient

// Tokens gives the bearer token of the next call, so that it may be renewed.
type Tokens func(ctx context.Context) (string, error)

// Token is one that never changes.
func Token(token string) Tokens { return func(context.Context) (string, error) { return token, nil } }

// Option adjusts a client.
type Option func(*caller)

// WithHTTP makes the calls with another HTTP client than http.DefaultClient.
func WithHTTP(c *http.Client) Option { return func(o *caller) { o.http = c } }

// New makes a client of the gateway at that address.
func New(address string, tokens Tokens, options ...Option) *Client {
	conn := &caller{address: strings.TrimSuffix(address, "/"), tokens: tokens, http: http.DefaultClient}
	for _, option := range options {
		option(conn)
	}
	return &Client{
		Connection: connectionv1.NewConnectionServiceClient(conn), Discovery: discoveryv1.NewDiscoveryServiceClient(conn),
		Clients: mappingv1.NewClientServiceClient(conn), Mappings: mappingv1.NewMappingServiceClient(conn),
		Syncs: orchestrationv1.NewOrchestrationServiceClient(conn), Runs: syncenginev1.NewRunServiceClient(conn),
		Reports: syncenginev1.NewReportServiceClient(conn), Settings: syncenginev1.NewSettingsServiceClient(conn),
		Filters:  syncenginev1.NewFilterTestServiceClient(conn),
		Contacts: syncenginev1.NewContactServiceClient(conn), Changes: syncenginev1.NewChangeServiceClient(conn),
		People: syncenginev1.NewPersonServiceClient(conn), Explain: syncenginev1.NewExplainServiceClient(conn),
		Queue: reconciliationv1.NewReconciliationServiceClient(conn), Decisions: reconciliationv1.NewDecisionServiceClient(conn),
		Status: gatewayv1.NewStatusServiceClient(conn), Flags: gatewayv1.NewFeatureFlagServiceClient(conn),
		Audit: gatewayv1.NewAuditServiceClient(conn), Webhooks: gatewayv1.NewWebhookServiceClient(conn),
	}
}

// Error is a refusal or a failure.
type Error struct {
	HTTPStatus int
	Reason     string // the stable code, as docs/errors.md lists them; empty where the answer has none
	Message    string // for people
	RequestID  string
	RetryAfter time.Duration // 0 where there is nothing to wait for
	Violations []Violation
}

// Violation is a field that is not valid.
type Violation struct{ Field, Message string }

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf("entrasync: %s (%s, HTTP %d, request %s)", e.Message, e.Reason, e.HTTPStatus, e.RequestID)
}

// ReasonOf is the stable code of an error of a call; empty for all others.
func ReasonOf(err error) string {
	var failure *Error
	if errors.As(err, &failure) {
		return failure.Reason
	}
	return ""
}

// caller makes calls as Connect says: one POST for each, the message as its body.
type caller struct {
	address string
	tokens  Tokens
	http    *http.Client
}

var errStreams = errors.New("entrasync: public methods do not stream")

// NewStream implements grpc.ClientConnInterface.
func (c *caller) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, errStreams
}

// Invoke implements grpc.ClientConnInterface. Options of gRPC mean nothing here.
func (c *caller) Invoke(ctx context.Context, method string, args, reply any, _ ...grpc.CallOption) error {
	request, ok := args.(proto.Message)
	answer, fine := reply.(proto.Message)
	if !ok || !fine {
		return fmt.Errorf("entrasync: %s: not a message of the contracts", method)
	}
	body, err := proto.Marshal(request)
	if err != nil {
		return fmt.Errorf("entrasync: %s: %w", method, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.address+method, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("entrasync: %s: %w", method, err)
	}
	token, err := c.tokens(ctx)
	if err != nil {
		return fmt.Errorf("entrasync: getting a token: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/proto")
	req.Header.Set("Connect-Protocol-Version", "1")
	res, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("entrasync: %s: %w", method, err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, mostAnswer))
	if err != nil {
		return fmt.Errorf("entrasync: %s: reading the answer: %w", method, err)
	}
	if res.StatusCode != http.StatusOK {
		return failure(res, text)
	}
	return proto.Unmarshal(text, answer)
}

// failure reads a refusal. What it does not understand it leaves out.
func failure(res *http.Response, text []byte) error {
	out := &Error{HTTPStatus: res.StatusCode, Message: res.Status, RequestID: res.Header.Get("X-Request-Id")}
	if seconds, err := time.ParseDuration(res.Header.Get("Retry-After") + "s"); err == nil {
		out.RetryAfter = seconds
	}
	var said struct {
		Message string `json:"message"`
		Details []struct{ Type, Value string }
	}
	if json.Unmarshal(text, &said) != nil {
		return out
	}
	if said.Message != "" {
		out.Message = said.Message
	}
	for _, detail := range said.Details {
		raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(detail.Value, "="))
		if err != nil {
			continue
		}
		switch detail.Type {
		case "google.rpc.ErrorInfo":
			var info errdetails.ErrorInfo
			if proto.Unmarshal(raw, &info) == nil {
				out.Reason = strings.ToLower(info.GetReason())
			}
		case "google.rpc.BadRequest":
			var bad errdetails.BadRequest
			if proto.Unmarshal(raw, &bad) == nil {
				for _, v := range bad.GetFieldViolations() {
					out.Violations = append(out.Violations, Violation{v.GetField(), v.GetDescription()})
				}
			}
		}
	}
	return out
}
