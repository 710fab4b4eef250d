package rpc

import (
	"strconv"
	"strings"

	"github.com/entrasync/entrasync/pkg/page"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// Behind the id in a token, keyedMark begins how often names had been keyed anew, and placeMark says before it
// that a search within a client is in order of what was found. Versions that know no other order than the one
// before take a token with either for no token of theirs.
const (
	keyedMark = "."
	placeMark = "~"
)

// tokenOf is the page token of a position in a list of contacts; empty for the end.
func tokenOf(position *syncengine.ContactPosition, filters ...string) string {
	if position == nil {
		return ""
	}
	id := position.ID
	if position.ByPlace {
		id += placeMark
	}
	if position.Keyed > 0 {
		id += keyedMark + strconv.FormatInt(position.Keyed, 10)
	}
	return page.Cursor{Key: position.NameKey, ID: id}.Token(filters...)
}

// positionOf reads a page token that came from outside; nil for the empty one,
// page.ErrToken.
func positionOf(token string, filters ...string) (*syncengine.ContactPosition, error) {
	after, err := page.Parse(token, filters...)
	if err != nil || after == nil {
		return nil, err
	}
	var order syncengine.ContactOrder
	if id, times, marked := strings.Cut(after.ID, keyedMark); marked {
		after.ID = id
		if order.Keyed, err = strconv.ParseInt(times, 10, 64); err != nil || order.Keyed <= 0 || strconv.FormatInt(order.Keyed, 10) != times {
			return nil, page.ErrToken
		}
	}
	after.ID, order.ByPlace = strings.CutSuffix(after.ID, placeMark)
	key, id, err := after.Place()
	if err != nil {
		return nil, err
	}
	return &syncengine.ContactPosition{NameKey: key, ID: id.String(), ContactOrder: order}, nil
}
