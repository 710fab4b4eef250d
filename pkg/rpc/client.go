package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

	"github.com/entrasync/entrasync/pkg/tenant"
)

// TokenLife is how long a statement of the originator is valid, beyond the
// deadline of the call it is made for.
const TokenLife = 2 * time.Minute

type clientOptions struct {
	originator bool
	now        func() time.Time
	life       time.Duration
}

// ClientOption adjusts a connection.
type ClientOption func(*clientOptions)

// WithOriginator makes the gateway or the worker state, for each call, the
// tenant.Call of its context, signed with its identity. The statement is valid for
// the given time (TokenLife when 0) and, where the call has a deadline, that
// long beyond it: the called service may forward it until the end of its work.
func WithOriginator(life time.Duration) ClientOption {
	return func(o *clientOptions) {
		o.originator = true
		if life > 0 {
			o.life = life
		}
	}
}

// WithClientClock replaces the clock by which tokens are dated.
func WithClientClock(now func() time.Time) ClientOption {
	return func(o *clientOptions) { o.now = now }
}

// Dial makes a connection to a service; it connects on first use and again when
// the connection is lost. The address may list several replicas, with commas;
// calls go to them in turn, as to those that a name resolves to. Errors of its calls are errs.Errors. Outgoing metadata
// is the request's id and the signed context, and nothing that came in: services
// forward the token of the call they serve, originators make a fresh one.
func Dial(identity *Identity, service, address string, opts ...ClientOption) (*grpc.ClientConn, error) {
	o := clientOptions{now: time.Now, life: TokenLife}
	for _, opt := range opts {
		opt(&o)
	}
	if o.originator && !slices.Contains(originators, identity.Name()) {
		return nil, fmt.Errorf("%s may not state for whom a call is made", identity.Name())
	}
	c := &caller{identity: identity, clientOptions: o}
	target, options := replicas(service, address)
	conn, err := grpc.NewClient(target, append(options,
		grpc.WithTransportCredentials(identity.clientCredentials(service)),
		grpc.WithStatsHandler(otelgrpc.NewClientHandler()),
		grpc.WithChainUnaryInterceptor(c.unary),
		grpc.WithChainStreamInterceptor(c.stream),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pingEvery, Timeout: pingTimeout, PermitWithoutStream: true}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(messageBytes), grpc.MaxCallSendMsgSize(messageBytes)),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`),
		grpc.WithDisableServiceConfig(),
	)...)
	if err != nil {
		return nil, fmt.Errorf("dialling %s: %w", service, err)
	}
	return conn, nil
}

// replicas is what to dial for an address, or for a list of them.
func replicas(service, address string) (target string, options []grpc.DialOption) {
	list := strings.Split(address, ",")
	if len(list) == 1 {
		return address, nil
	}
	var state resolver.State
	for _, one := range list {
		state.Endpoints = append(state.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{{Addr: strings.TrimSpace(one)}}})
	}
	known := manual.NewBuilderWithScheme("replicas")
	known.InitialState(state)
	return known.Scheme() + ":///" + service, []grpc.DialOption{grpc.WithResolvers(known)}
}

// caller makes the outgoing metadata.
type caller struct {
	identity *Identity
	clientOptions
}

// outgoing replaces whatever metadata ctx holds.
func (c *caller) outgoing(ctx context.Context) (context.Context, error) {
	if RequestID(ctx) == "" {
		ctx = WithRequestID(ctx, "")
	}
	md := metadata.Pairs(requestKey, RequestID(ctx))
	token := tokenFrom(ctx)
	if c.originator {
		token = ""
		if call, ok := tenant.Lookup(ctx); ok {
			now := c.now()
			life := c.life
			if deadline, ok := ctx.Deadline(); ok {
				life += max(time.Until(deadline), 0)
			}
			var err error
			if token, err = sign(c.identity, call, now, min(life, maxLife)); err != nil {
				return nil, err
			}
		}
	}
	if token != "" {
		md.Set(contextKey, token)
	}
	return metadata.NewOutgoingContext(ctx, md), nil
}

func (c *caller) unary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, DefaultDeadline)
		defer cancel()
	}
	ctx, err := c.outgoing(ctx)
	if err != nil {
		return err
	}
	return FromStatus(invoker(ctx, method, req, reply, cc, opts...))
}

func (c *caller) stream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	ctx, err := c.outgoing(ctx)
	if err != nil {
		return nil, err
	}
	stream, err := streamer(ctx, desc, cc, method, opts...)
	if err != nil {
		return nil, FromStatus(err)
	}
	return &classifiedStream{stream}, nil
}

// classifiedStream gives errors as errs.Errors; io.EOF stays as it is.
type classifiedStream struct{ grpc.ClientStream }

func (s *classifiedStream) RecvMsg(m any) error { return classified(s.ClientStream.RecvMsg(m)) }
func (s *classifiedStream) SendMsg(m any) error { return classified(s.ClientStream.SendMsg(m)) }
func (s *classifiedStream) CloseSend() error    { return classified(s.ClientStream.CloseSend()) }

func (s *classifiedStream) Header() (metadata.MD, error) {
	md, err := s.ClientStream.Header()
	return md, classified(err)
}

func classified(err error) error {
	if errors.Is(err, io.EOF) {
		return err
	}
	return FromStatus(err)
}
