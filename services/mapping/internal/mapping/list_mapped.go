package mapping

import (
	"cmp"
	"context"
	"strconv"
	"time"

	"github.com/entrasync/entrasync/pkg/page"
)

// mappedPage is the size of a page of mapped tenants when the caller names none.
const mappedPage = 500

// ListMapped is the use case of listing the managed tenants that are mapped.
type ListMapped struct{ store ListStore }

// NewListMapped makes the use case.
func NewListMapped(store ListStore) *ListMapped { return &ListMapped{store: store} }

// Do gives a page of the mapped tenants in order of their confirmation. Errors as
// ListClients.Do.
func (u *ListMapped) Do(ctx context.Context, of MappedSearch, size int32, pageToken string) (page.Page[MappedTenant], error) {
	return page.Of(page.List[MappedTenant]{
		Size: cmp.Or(size, mappedPage), Token: pageToken, Filters: []string{"mapped", of.ClientID, strconv.FormatBool(of.CreateNew)},
		Read: func(after *page.Cursor, limit int32) ([]MappedTenant, error) {
			return u.store.Mapped(ctx, of, after, limit)
		},
		Place: func(m MappedTenant) page.Cursor {
			return page.Cursor{Key: m.ConfirmedAt.UTC().Format(time.RFC3339Nano), ID: m.MappingID}
		},
	})
}
