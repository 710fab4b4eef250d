package console

import (
	"context"
	"slices"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/entrasync/entrasync/gateway/internal/flags"
	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/tenant"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
	gatewayv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/gateway/v1"
)

// FeatureFlags answers the integration's flags for the caller's tenant.
type FeatureFlags struct {
	gatewayv1.UnimplementedFeatureFlagServiceServer
	flags *flags.Flags
}

// NewFeatureFlags makes the server.
func NewFeatureFlags(f *flags.Flags) *FeatureFlags { return &FeatureFlags{flags: f} }

// ListFeatureFlags gives the five flags as they stand.
func (s *FeatureFlags) ListFeatureFlags(ctx context.Context, _ *gatewayv1.ListFeatureFlagsRequest) (*gatewayv1.ListFeatureFlagsResponse, error) {
	on, err := ofTenant(ctx, s.flags)
	if err != nil {
		return nil, err
	}
	answer := &gatewayv1.ListFeatureFlagsResponse{}
	for _, key := range flags.Known() {
		answer.Flags = append(answer.Flags, &gatewayv1.FeatureFlag{Key: key, Enabled: on.On(key)})
	}
	return answer, nil
}

// ofTenant reads the flags of the context's tenant.
func ofTenant(ctx context.Context, f *flags.Flags) (flags.Set, error) {
	id, err := tenant.IDFrom(ctx)
	if err != nil {
		return nil, err
	}
	return f.For(ctx, id)
}

// PlatformFlags defines flags and targets them.
type PlatformFlags struct {
	gatewayv1.UnimplementedPlatformFlagServiceServer
	flags *flags.Flags
}

// NewPlatformFlags makes the server.
func NewPlatformFlags(f *flags.Flags) *PlatformFlags { return &PlatformFlags{flags: f} }

// ListPlatformFlags gives every flag.
func (s *PlatformFlags) ListPlatformFlags(ctx context.Context, _ *gatewayv1.ListPlatformFlagsRequest) (*gatewayv1.ListPlatformFlagsResponse, error) {
	all, err := s.flags.List(ctx)
	if err != nil {
		return nil, err
	}
	return &gatewayv1.ListPlatformFlagsResponse{Flags: messages(all)}, nil
}

// CreatePlatformFlag creates one flag, or those of the five that are missing.
func (s *PlatformFlags) CreatePlatformFlag(ctx context.Context, r *gatewayv1.CreatePlatformFlagRequest) (*gatewayv1.CreatePlatformFlagResponse, error) {
	var created, all []flags.Flag
	var err error
	if r.GetAction() != "" { // validated: the one action there is
		created, all, err = s.flags.EnsurePhase1(ctx)
	} else {
		created, all, err = s.flags.Create(ctx, r.GetKey(), r.GetDescription())
	}
	if err != nil {
		return nil, err
	}
	return &gatewayv1.CreatePlatformFlagResponse{Created: messages(created), Flags: messages(all)}, nil
}

// TargetPlatformFlag turns a flag on or off for a tenant.
func (s *PlatformFlags) TargetPlatformFlag(ctx context.Context, r *gatewayv1.TargetPlatformFlagRequest) (*gatewayv1.TargetPlatformFlagResponse, error) {
	id, err := tenant.Parse(r.GetTenantId())
	if err != nil {
		return nil, errs.Of(reason.InvalidArgument, errs.WithViolation("tenantId", "is not a tenant id"))
	}
	flag, err := s.flags.Target(ctx, r.GetId(), id, r.GetAction() == "add")
	if err != nil {
		return nil, err
	}
	return &gatewayv1.TargetPlatformFlagResponse{Flag: message(flag)}, nil
}

func messages(all []flags.Flag) []*gatewayv1.PlatformFlag {
	out := make([]*gatewayv1.PlatformFlag, 0, len(all))
	for _, f := range all {
		out = append(out, message(f))
	}
	return out
}

func message(f flags.Flag) *gatewayv1.PlatformFlag {
	return &gatewayv1.PlatformFlag{
		Id: f.ID.String(), Key: f.Key, Description: f.Description, TenantIds: slices.Clone(f.Tenants),
		CreatedAt: timestamppb.New(f.CreatedAt), UpdatedAt: timestamppb.New(f.UpdatedAt),
	}
}
