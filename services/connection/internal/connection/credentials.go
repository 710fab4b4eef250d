package connection

import (
	"context"
	"fmt"
)

// NamedSource is a source with the name under which it is reported.
type NamedSource struct {
	Name   Source
	Source CredentialSource
}

// Resolver finds the app registration of a tenant: the first source in order
// that has a complete pair. Half a pair counts as none and is never completed
// from another source.
type Resolver struct {
	sources []NamedSource
}

// NewResolver asks the sources in the given order.
func NewResolver(sources ...NamedSource) *Resolver { return &Resolver{sources: sources} }

// Resolve gives the credentials with their source; errs.Precondition
// "missing_credentials" when no source has a complete pair.
func (r *Resolver) Resolve(ctx context.Context, tenant string) (Credentials, error) {
	for _, s := range r.sources {
		c, err := s.Source.Credentials(ctx, tenant)
		if err != nil {
			return Credentials{}, fmt.Errorf("reading app credentials from %s: %w", s.Name, err)
		}
		if c.Complete() {
			c.Source = s.Name
			return c, nil
		}
	}
	return Credentials{}, errMissingCredentials()
}
