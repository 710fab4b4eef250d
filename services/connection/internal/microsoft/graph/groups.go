package graph

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft/jsontext"
)

// parseMembers reads a page of ids. One without an id fails the page: a listing
// that leaves somebody out silently is worse than none.
func parseMembers(body []byte) (ids []string, next string, err error) {
	var page struct {
		Value *[]struct {
			ID string `json:"id"`
		} `json:"value"`
		NextLink string `json:"@odata.nextLink"`
	}
	if json.Unmarshal(body, &page) != nil || page.Value == nil {
		return nil, "", jsontext.ErrSyntax
	}
	ids = make([]string, 0, len(*page.Value))
	for _, member := range *page.Value {
		if member.ID == "" {
			return nil, "", errors.New("a member without an id")
		}
		ids = append(ids, member.ID)
	}
	return ids, page.NextLink, nil
}

// GroupMembers streams the ids of the users in a group and in groups within it.
// When a page token expires the listing starts again, bounded: ids may then come
// twice, and none is left out.
func (c *Client) GroupMembers(ctx context.Context, tokens connection.TokenSource, r connection.GroupRequest, emit func(ids []string) error) error {
	request, err := c.newRequest(ctx, microsoft.AtCustomer, tokens, r.Priority)
	if err != nil {
		return err
	}
	request.url = c.graphURL("/v1.0/groups/"+url.PathEscape(r.GroupID)+"/transitiveMembers/microsoft.graph.user",
		url.Values{"$select": {"id"}, "$count": {"true"}, "$top": {pageSize}})
	// The cast to users wants the advanced query engine, on every page.
	request.cost, request.eventual = costOf(costMembers, true, 0), true
	var ids []string
	err = restarting(func() error {
		return c.walk(ctx, request, 0, func(raw []byte) (next string, err error) {
			ids, next, err = parseMembers(raw)
			return next, err
		}, func() error {
			if len(ids) == 0 {
				return nil
			}
			return emit(ids)
		})
	})
	if r, refused := errors.AsType[*refusal](err); refused && (r.Status == http.StatusForbidden || r.Status == http.StatusNotFound) {
		return microsoft.GroupUnreadable(r, r.RequestID)
	}
	return classified(err)
}

// UsersByID reads users by their ids, twenty in a request. One that is not in the
// directory is named in missing.
func (c *Client) UsersByID(ctx context.Context, tokens connection.TokenSource, r connection.ByIDRequest) (users []connection.User, missing []string, err error) {
	request, err := c.newRequest(ctx, microsoft.AtCustomer, tokens, r.Priority)
	if err != nil {
		return nil, nil, err
	}
	for ids := range slices.Chunk(r.IDs, batchMost) {
		items := make([]item, 0, len(ids))
		for _, id := range ids {
			items = append(items, item{url: "/users/" + url.PathEscape(id) + "?$select=" + userSelect, cost: costOf(costDefault, true, 0)})
		}
		err := c.batch(ctx, request, items, func(i int, a itemAnswer) error {
			switch a.Status {
			case http.StatusOK:
				user, err := parseUser(a.Body)
				if err != nil {
					return microsoft.Unreadable(err, a.requestID())
				}
				users = append(users, user)
			case http.StatusNotFound:
				missing = append(missing, ids[i])
			default:
				return classified(a.refusal(request.at, c.now()))
			}
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
	}
	return users, missing, nil
}
