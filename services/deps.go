//go:build deps

// Package services is never built; it keeps modules in go.mod while the services are written.
package services

import (
	_ "github.com/caarlos0/env/v11"
	_ "github.com/google/uuid"
	_ "github.com/jackc/pgx/v5"
	_ "github.com/prometheus/client_golang/prometheus"
	_ "github.com/stretchr/testify/require"
	_ "github.com/go-jose/go-jose/v4"
	_ "github.com/tink-crypto/tink-go/v2/aead"
	_ "go.opentelemetry.io/otel"
	_ "go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	_ "go.temporal.io/api/enums/v1"
	_ "go.temporal.io/sdk/client"
	_ "go.temporal.io/sdk/contrib/opentelemetry"
	_ "go.uber.org/goleak"
	_ "golang.org/x/net/idna"
	_ "golang.org/x/net/publicsuffix"
	_ "golang.org/x/oauth2"
	_ "golang.org/x/sync/errgroup"
	_ "golang.org/x/text/unicode/norm"
	_ "golang.org/x/time/rate"
	_ "golang.org/x/tools/txtar"
	_ "google.golang.org/grpc"
	_ "google.golang.org/protobuf/proto"
	_ "pgregory.net/rapid"

	_ "github.com/entrasync/entrasync/migrations"
	_ "github.com/entrasync/entrasync/pkg/errs"
	_ "github.com/entrasync/entrasync/pkg/pg"
	_ "github.com/entrasync/entrasync/proto/gen/go/entrasync/policy/v1"
)
