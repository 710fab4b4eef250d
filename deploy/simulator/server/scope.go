package server

import (
	"slices"
	"strings"
)

// The resources that tokens are made for.
const (
	graphResource   = "https://graph.microsoft.com"
	partnerResource = "https://api.partnercenter.microsoft.com"
)

var oidcScopes = []string{"openid", "profile", "email", "offline_access"}

// knownScopes are the delegated permissions of each resource.
var knownScopes = map[string][]string{
	graphResource: {
		"User.Read", "User.Read.All", "User.ReadBasic.All", "Directory.Read.All", "Group.Read.All", "GroupMember.Read.All",
		"Organization.Read.All", "DelegatedAdminRelationship.Read.All", "ManagedTenants.Read.All", "AuditLog.Read.All",
	},
	partnerResource: {"user_impersonation"},
}

// registered are the permissions in an app's registration, which ".default"
// asks for.
var registered = map[string][]string{
	graphResource:   {"User.Read", "Directory.Read.All", "DelegatedAdminRelationship.Read.All", "ManagedTenants.Read.All"},
	partnerResource: {"user_impersonation"},
}

// customerScopes and customerRoles are what the registration asks of a
// customer's directory: customers begin with them, and an administrator's
// consent to ".default" gives them.
var (
	customerScopes = []string{"User.Read", "User.Read.All", "GroupMember.Read.All"}
	customerRoles  = []string{"User.Read.All", "GroupMember.Read.All", "Organization.Read.All"}
)

// requested are the permissions of a resource that consent is asked for.
func (s scopes) requested(resource string) []string {
	if s.isDefault(resource) {
		return registered[resource]
	}
	return s.named[resource]
}

// scopes is the scope parameter of a request, read.
type scopes struct {
	oidc      []string
	resources []string            // in order of appearance
	named     map[string][]string // permissions by resource; ".default" alone means those consented
}

func (s scopes) offline() bool { return slices.Contains(s.oidc, "offline_access") }
func (s scopes) openID() bool  { return slices.Contains(s.oidc, "openid") }

func (s scopes) isDefault(resource string) bool {
	return slices.Contains(s.named[resource], ".default")
}

// parseScopes reads a scope parameter. A name without a resource is Graph's.
func parseScopes(raw, clientID string) (scopes, *oauthError) {
	out := scopes{named: map[string][]string{}}
	for _, word := range strings.Fields(raw) {
		if slices.Contains(oidcScopes, word) {
			out.oidc = append(out.oidc, word)
			continue
		}
		resource, permission := graphResource, word
		if strings.Contains(word, "://") {
			cut := strings.LastIndexByte(word, '/')
			resource, permission = strings.TrimSuffix(word[:cut], "/"), word[cut+1:]
		}
		known, ok := knownScopes[resource]
		if !ok && resource != "api://"+clientID {
			return scopes{}, refuse(500011, "invalid_resource", "The resource principal named %s was not found in the tenant.", resource)
		}
		at := slices.IndexFunc(known, func(k string) bool { return strings.EqualFold(k, permission) })
		switch {
		case at >= 0:
			permission = known[at]
		case permission != ".default":
			return scopes{}, refuse(70011, "invalid_scope", "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope %s is not valid.", word)
		}
		if !slices.Contains(out.resources, resource) {
			out.resources = append(out.resources, resource)
		}
		if slices.Contains(out.named[resource], permission) {
			continue
		}
		out.named[resource] = append(out.named[resource], permission)
	}
	for _, r := range out.resources {
		if out.isDefault(r) && len(out.named[r]) > 1 {
			return scopes{}, refuse(70011, "invalid_scope", "The provided value for the input parameter 'scope' is not valid. .default scope can't be combined with resource-specific scopes.")
		}
	}
	return out, nil
}

// one returns the only resource of a token request.
func (s scopes) one() (string, *oauthError) {
	switch len(s.resources) {
	case 0:
		return graphResource, nil
	case 1:
		return s.resources[0], nil
	}
	return "", refuse(28000, "invalid_request", "Provided value for the input parameter scope is not valid because it contains more than one resource. Scope %s is not valid.", strings.Join(s.resources, " "))
}

// union adds permissions to a list without repeats.
func union(have, more []string) []string {
	out := slices.Clone(have)
	for _, m := range more {
		if !slices.Contains(out, m) && m != ".default" {
			out = append(out, m)
		}
	}
	return out
}
