package graph

import (
	"context"
	"errors"

	"github.com/entrasync/entrasync/services/connection/internal/microsoft"
	"github.com/entrasync/entrasync/services/connection/internal/outbound"
)

// maxRestarts is how often a listing is begun anew.
const maxRestarts = 3

// walk follows a small listing to its end, at most so many pages (0: as many as
// there are). read takes a page and returns the link to the next; done is called when
// it has it.
func (c *Client) walk(ctx context.Context, request graphRequest, most int, read func(raw []byte) (next string, err error), done func() error) error {
	var seen circleDetector
	var next, id string
	for pages := 1; request.url != nil; pages++ {
		err := c.read(ctx, request, func(a answer) error {
			id = a.id
			raw, err := outbound.ReadBody(a.body, nil, maxPageBytes)
			if err != nil {
				return err
			}
			next, err = read(raw)
			return err
		})
		if err != nil {
			return err
		}
		if err := done(); err != nil {
			return err
		}
		if request.url, err = c.nextPage(&seen, request.url, next); err != nil {
			return microsoft.Unreadable(err, id)
		}
		if pages == most && request.url != nil {
			return microsoft.Unreadable(errors.New("a listing without an end"), id)
		}
	}
	return nil
}

// restarting lists anew, bounded, where a page token expires.
func restarting(list func() error) error {
	for restarts := 0; ; restarts++ {
		err := list()
		r, refused := errors.AsType[*refusal](err)
		if !refused || microsoft.ListingEndOf(r.GraphFailure) == microsoft.GoesOn || restarts == maxRestarts {
			return err
		}
	}
}
