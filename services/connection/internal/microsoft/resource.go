package microsoft

import (
	"context"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/jsontext"
)

// ResourceToken gives an app its own token for an API, at the authority that the
// credentials name: that of the tenant where both are registered.
func (c *Client) ResourceToken(ctx context.Context, cr connection.Credentials, scope string) (connection.Token, error) {
	grant, err := c.redeem(ctx, cr, atPartner, authorityOf(cr), 3, c.asApp(cr, authorityOf(cr), scope))
	return connection.Token{Value: grant.AccessToken, ExpiresAt: grant.ExpiresAt}, err
}

// DecodeUsers reads a JSON object that holds users as Graph writes them in a member
// called list: an answer of Graph that another party wrapped. The users overwrite
// those of into; every other member is handed to rest as it stands. Its errors quote
// nothing.
func DecodeUsers(body []byte, list string, into []connection.User, rest func(name string, value []byte) error) ([]connection.User, error) {
	p := page{users: into[:0]}
	s := jsontext.Scanner{Data: body}
	listed := false
	err := s.Object(func(key []byte) error {
		if string(key) == list {
			listed = true
			p.users = p.users[:0] // of one name twice the last counts
			return s.Array(func() error { return p.record(&s) })
		}
		s.Space()
		start := s.Pos
		if err := s.Skip(); err != nil {
			return err
		}
		return rest(string(key), body[start:s.Pos])
	})
	if err != nil || s.Peek() != 0 || s.Pos < len(s.Data) || !listed || len(p.removed) > 0 {
		return p.users, jsontext.ErrSyntax
	}
	return p.users, nil
}

// CustomerFailure says what a number of the identity platform means that was met at
// a managed tenant's authority; ok is false for an unknown one.
func CustomerFailure(number int) (f connection.Failure, ok bool) {
	known, ok := aadsts[number]
	if !ok {
		return connection.Failure{}, false
	}
	return known.customer.failure(number, "", 0), true
}
