package connection

import (
	"context"
	"fmt"

	"github.com/entrasync/entrasync/pkg/errs"
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

// Resolve returns the credentials with their source; errs.Precondition
// "missing_credentials" when no source has a complete pair.
func (r *Resolver) Resolve(ctx context.Context) (Credentials, error) {
	for _, s := range r.sources {
		c, err := s.Source.Credentials(ctx)
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

// Registration names the app of the credentials that Resolve gives, and opens no
// secret where the source can do without.
func (r *Resolver) Registration(ctx context.Context) (app Registration, err error) {
	for _, s := range r.sources {
		if names, ok := s.Source.(RegistrationSource); ok {
			app, err = names.Registration(ctx)
		} else {
			var c Credentials
			c, err = s.Source.Credentials(ctx)
			app = c.registration()
		}
		if err != nil {
			return Registration{}, fmt.Errorf("reading the app registration of %s: %w", s.Name, err)
		}
		if app.ClientID != "" {
			app.Source = s.Name
			return app, nil
		}
	}
	return Registration{}, errMissingCredentials()
}

// With calls fn with the tenant's credentials. When Microsoft refuses the app
// itself and the credentials were replaced while fn worked, it is called once
// more with the new ones: a rotation breaks nothing that is under way.
func (r *Resolver) With(ctx context.Context, fn func(Credentials) error) error {
	used, err := r.Resolve(ctx)
	if err != nil {
		return err
	}
	cause := fn(used)
	if cause == nil || ctx.Err() != nil || !refusesApp(cause) {
		return cause
	}
	now, err := r.Resolve(ctx)
	if err != nil || now == used {
		return cause
	}
	return fn(now)
}

// refusesApp reports whether it is the app's proof that Microsoft did not take.
func refusesApp(err error) bool {
	return ClassOf(err) == Bug && errs.ReasonOf(err) == ReasonRefreshFailed
}
