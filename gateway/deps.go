//go:build deps

// Package gateway keeps modules in go.mod while the gateway is written.
package gateway

import (
	_ "connectrpc.com/connect/v2"
	_ "connectrpc.com/connect/v2/connecthttp"
	_ "connectrpc.com/connect/v2/connectinprocess"
	_ "connectrpc.com/grpcreflect/v2"
	_ "connectrpc.com/otelconnect"
	_ "connectrpc.com/validate"
	_ "github.com/caarlos0/env/v11"
	_ "github.com/coreos/go-oidc/v3/oidc"
	_ "github.com/google/uuid"
	_ "github.com/go-jose/go-jose/v4"
	_ "github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	_ "github.com/jackc/pgx/v5"
	_ "github.com/open-feature/go-sdk/openfeature"
	_ "github.com/prometheus/client_golang/prometheus"
	_ "github.com/stretchr/testify/require"
	_ "github.com/tink-crypto/tink-go/v2/aead"
	_ "go.uber.org/goleak"
	_ "golang.org/x/oauth2"
	_ "golang.org/x/sync/errgroup"
	_ "golang.org/x/time/rate"
	_ "google.golang.org/grpc"
	_ "google.golang.org/protobuf/proto"
	_ "pgregory.net/rapid"

	_ "github.com/entrasync/entrasync/migrations"
	_ "github.com/entrasync/entrasync/pkg/errs"
	_ "github.com/entrasync/entrasync/pkg/pg"
	_ "github.com/entrasync/entrasync/proto/gen/go/entrasync/policy/v1"
)
