package microsoft

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// settle classifies a refusal outside listings that go on elsewhere.
func settle(err error) error {
	var r *refusal
	if errors.As(err, &r) {
		return classifyGraph(r.at, r.graphFailure)
	}
	return err
}

// organization is an /organization row as far as it is used.
type organization struct {
	VerifiedDomains []struct {
		Name      string `json:"name"`
		IsDefault bool   `json:"isDefault"`
	} `json:"verifiedDomains"`
}

// TenantDetails asks a managed tenant's own directory for its domains and the
// number of its users, both at once. What one of them gives is returned also
// when the other fails, beside the error.
func (c *Client) TenantDetails(ctx context.Context, tokens connection.TokenSource, _ string) (connection.Details, error) {
	// One token for both, so that a refusal is asked for once.
	if _, err := tokens.Token(ctx); err != nil {
		return connection.Details{}, err
	}
	var details connection.Details
	var domainsErr, countErr error
	var both sync.WaitGroup
	both.Go(func() { domainsErr = c.domains(ctx, tokens, &details) })
	both.Go(func() { details.UserCount, countErr = c.userCount(ctx, tokens) })
	both.Wait()
	if domainsErr != nil {
		return details, domainsErr
	}
	return details, countErr
}

func (c *Client) domains(ctx context.Context, tokens connection.TokenSource, into *connection.Details) error {
	var answer struct {
		Value []organization `json:"value"`
	}
	g := get{url: c.graphURL("/v1.0/organization", nil), at: atCustomer, tokens: tokens}
	if err := c.readJSON(ctx, g, &answer); err != nil {
		return settle(err)
	}
	if len(answer.Value) == 0 {
		return classifyAnswer(errSyntax)
	}
	for _, domain := range answer.Value[0].VerifiedDomains {
		into.Domains = append(into.Domains, domain.Name)
		if domain.IsDefault {
			into.PrimaryDomain = domain.Name
		}
	}
	return nil
}

func (c *Client) userCount(ctx context.Context, tokens connection.TokenSource) (*int32, error) {
	g := get{url: c.graphURL("/v1.0/users/$count", nil), at: atCustomer, tokens: tokens, eventual: true, plainText: true}
	var n int32
	err := c.read(ctx, g, func(body io.Reader) error {
		raw, err := limited(body, nil, maxSmallBytes)
		if err != nil {
			return err
		}
		if n, err = count(bytes.TrimSpace(raw)); err != nil {
			return classifyAnswer(err)
		}
		return nil
	})
	if err != nil {
		return nil, settle(err)
	}
	return &n, nil
}
