package rpc

import (
	"github.com/entrasync/entrasync/pkg/page"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// tokenOf is the page token of a position in a list of contacts; empty for the end.
func tokenOf(position *syncengine.ContactPosition, filters ...string) string {
	if position == nil {
		return ""
	}
	return page.Cursor{Key: position.NameKey, ID: position.ID}.Token(filters...)
}

// positionOf reads a page token that came from outside; nil for the empty one,
// page.ErrToken.
func positionOf(token string, filters ...string) (*syncengine.ContactPosition, error) {
	after, err := page.Parse(token, filters...)
	if err != nil || after == nil {
		return nil, err
	}
	key, id, err := after.Place()
	if err != nil {
		return nil, err
	}
	return &syncengine.ContactPosition{NameKey: key, ID: id.String()}, nil
}
