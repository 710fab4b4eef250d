package rpc

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	policyv1 "github.com/entrasync/entrasync/proto/gen/go/entrasync/policy/v1"
)

// The services that may state for whom a call is made.
const (
	gatewayName = "gateway"
	workerName  = "worker"
)

// policy says who may call a method and what the call must carry.
type policy struct {
	anyone        bool     // any certificate of ours, no tenant: health and reflection
	callers       []string // services; empty: nobody
	withoutTenant bool
}

func (p policy) admits(caller string) bool { return p.anyone || slices.Contains(p.callers, caller) }

// policies reads and remembers the policy of each method.
type policies struct {
	reflection bool
	known      sync.Map // full method → policy
}

// of takes "/package.Service/Method". A method without a policy admits nobody.
func (ps *policies) of(fullMethod string) policy {
	if known, ok := ps.known.Load(fullMethod); ok {
		return known.(policy)
	}
	p := ps.read(fullMethod)
	ps.known.Store(fullMethod, p)
	return p
}

func (ps *policies) read(fullMethod string) policy {
	service, method, ok := strings.Cut(strings.TrimPrefix(fullMethod, "/"), "/")
	if !ok {
		return policy{}
	}
	switch {
	case service == "grpc.health.v1.Health":
		return policy{anyone: true}
	case strings.HasPrefix(service, "grpc.reflection."):
		return policy{anyone: ps.reflection}
	}
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service))
	if err != nil {
		return policy{}
	}
	described, ok := found.(protoreflect.ServiceDescriptor)
	if !ok {
		return policy{}
	}
	m := described.Methods().ByName(protoreflect.Name(method))
	if m == nil {
		return policy{}
	}
	return policyOf(m)
}

// policyOf reads the options beside the method: rule opens it to the gateway,
// internal to the services it lists.
func policyOf(m protoreflect.MethodDescriptor) policy {
	var p policy
	options := m.Options()
	if proto.HasExtension(options, policyv1.E_Rule) {
		p.callers = append(p.callers, gatewayName)
	}
	if proto.HasExtension(options, policyv1.E_Internal) {
		internal := proto.GetExtension(options, policyv1.E_Internal).(*policyv1.Internal)
		p.callers = append(p.callers, internal.GetCallers()...)
		p.withoutTenant = internal.GetWithoutTenant()
	}
	return p
}

// CheckPolicies fails when a registered method admits nobody: a contract
// without its policy.
func CheckPolicies(server *grpc.Server) error {
	ps := policies{reflection: true}
	for service, info := range server.GetServiceInfo() {
		for _, method := range info.Methods {
			full := "/" + service + "/" + method.Name
			if p := ps.of(full); !p.anyone && len(p.callers) == 0 {
				return fmt.Errorf("method %s has no policy", full)
			}
		}
	}
	return nil
}
