package graph

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"

	"github.com/entrasync/entrasync/services/connection/internal/connection"
	"github.com/entrasync/entrasync/services/connection/internal/microsoft"
	"github.com/entrasync/entrasync/services/connection/internal/outbound"
)

const pageSize = "999" // the most that Graph gives

// buffers are used again: a page of a large directory is about a megabyte.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 1<<20); return &b }}

// ListUsers streams a managed tenant's users: all of them, or what changed since
// a delta link. Memory is that of one page.
func (c *Client) ListUsers(ctx context.Context, tokens connection.TokenSource, r connection.UsersRequest, emit func(connection.UsersEvent) error) error {
	request, err := c.newRequest(ctx, microsoft.AtCustomer, tokens, r.Priority)
	if err != nil {
		return err
	}
	request.cost = costOf(costUsers, true, 0)
	l := &listing{client: c, emit: emit, asked: r.DeltaLink != "", request: request}
	link := r.DeltaLink
	for restarts := 0; ; restarts++ {
		end, err := l.round(ctx, link)
		if err != nil || end == microsoft.GoesOn {
			return err
		}
		if restarts == maxRestarts {
			return microsoft.Unreadable(fmt.Errorf("the listing was cut off %d times: %s", restarts+1, end), l.requestID)
		}
		if end != microsoft.PageTokenExpired {
			link = ""
		}
		restarted := connection.Restarted{Full: l.asked && link == "", Reason: string(end)}
		if err := emit(connection.UsersEvent{Restarted: &restarted}); err != nil {
			return err
		}
	}
}

// listing is one call of ListUsers.
type listing struct {
	client    *Client
	request   graphRequest // but for its address
	emit      func(connection.UsersEvent) error
	asked     bool // for changes
	page      page
	users     int    // in this round
	requestID string // of the last answer
}

// round lists once, from a delta link or, without one, everything. It gives why
// it could not go on, if it could not.
func (l *listing) round(ctx context.Context, link string) (microsoft.ListingEnd, error) {
	var deltaLink string
	var err error
	l.users = 0
	if link != "" {
		var start *url.URL
		if start, err = l.client.deltaLink(link); err != nil {
			return microsoft.LinkUnusable, nil //nolint:nilerr // it is of another time or another address of Graph: the round's end says so
		}
		deltaLink, err = l.follow(ctx, start, true)
	} else if deltaLink, err = l.latest(ctx); err == nil {
		// First the link, then the users: what changes in between is in both.
		_, err = l.follow(ctx, l.client.graphURL("/v1.0/users", url.Values{"$select": {userSelect}, "$top": {pageSize}}), false)
	}
	if r, refused := errors.AsType[*refusal](err); refused {
		l.requestID = r.RequestID
		if end := microsoft.ListingEndOf(r.GraphFailure); end != microsoft.GoesOn {
			return end, nil
		}
	}
	if err != nil {
		return microsoft.GoesOn, classified(err)
	}
	if link == "" {
		l.request.quota.Size(l.users)
	}
	return microsoft.GoesOn, l.emit(connection.UsersEvent{Completed: &connection.Completed{DeltaLink: deltaLink, Full: link == ""}})
}

// latest asks for a delta link that begins now.
func (l *listing) latest(ctx context.Context) (string, error) {
	address := l.client.graphURL("/v1.0/users/delta", url.Values{"$select": {userSelect}, "$deltatoken": {"latest"}})
	var seen circleDetector
	for {
		if err := l.fetch(ctx, address); err != nil {
			return "", err
		}
		if l.page.deltaLink != "" {
			return l.kept()
		}
		next, err := l.next(&seen, address)
		if err != nil {
			return "", err
		}
		if next == nil {
			return "", microsoft.Unreadable(errors.New("neither a next link nor a delta link"), l.requestID)
		}
		address = next
	}
}

// follow emits pages until the last. A list of changes must end with a delta
// link.
func (l *listing) follow(ctx context.Context, address *url.URL, changes bool) (deltaLink string, err error) {
	var seen circleDetector
	for {
		if err := l.fetch(ctx, address); err != nil {
			return "", err
		}
		l.users += len(l.page.users)
		if len(l.page.users) > 0 || len(l.page.removed) > 0 {
			event := connection.UsersEvent{Page: &connection.UsersPage{Users: l.page.users, Removed: l.page.removed}}
			if err := l.emit(event); err != nil {
				return "", err
			}
		}
		next, err := l.next(&seen, address)
		if err != nil {
			return "", err
		}
		if next == nil {
			switch {
			case !changes:
				return "", nil
			case l.page.deltaLink == "":
				return "", microsoft.Unreadable(errors.New("a list of changes ended without a delta link"), l.requestID)
			}
			return l.kept()
		}
		address = next
	}
}

// kept is the delta link that the last page gave, if it can be followed next time.
func (l *listing) kept() (string, error) {
	if _, err := l.client.deltaLink(l.page.deltaLink); err != nil {
		return "", microsoft.Unreadable(err, l.requestID)
	}
	return l.page.deltaLink, nil
}

// next is where the listing goes on, nil at its end.
func (l *listing) next(seen *circleDetector, from *url.URL) (*url.URL, error) {
	next, err := l.client.nextPage(seen, from, l.page.nextLink)
	if err != nil {
		return nil, microsoft.Unreadable(err, l.requestID)
	}
	return next, nil
}

// fetch reads one page whole.
func (l *listing) fetch(ctx context.Context, address *url.URL) error {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	request := l.request
	request.url = address
	return l.client.read(ctx, request, func(a answer) error {
		l.requestID = a.id
		raw, err := outbound.ReadBody(a.body, *buffer, maxPageBytes)
		*buffer = raw[:0]
		if err != nil {
			return err
		}
		return parsePage(raw, &l.page)
	})
}
