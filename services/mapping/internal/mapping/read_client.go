package mapping

import (
	"context"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/proto/entrasync/reason"
)

// errClientNotFound is the answer for an id that is unknown or of another tenant.
var errClientNotFound = errs.Of(reason.ClientNotFound)

// ReadClient is the use case of reading one client.
type ReadClient struct{ store ListStore }

// NewReadClient makes the use case.
func NewReadClient(store ListStore) *ReadClient { return &ReadClient{store: store} }

// Do gives one client, a deleted one too; errs.NotFound "client_not_found".
func (u *ReadClient) Do(ctx context.Context, id string) (Client, error) {
	client, err := u.store.Client(ctx, id)
	if err != nil {
		return Client{}, err
	}
	if client == nil {
		return Client{}, errClientNotFound
	}
	return *client, nil
}
