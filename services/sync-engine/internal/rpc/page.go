package rpc

import (
	"strconv"
	"strings"

	"github.com/entrasync/entrasync/pkg/page"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

// keyedMark parts the id in a token from how often names had been keyed anew. Versions that know no
// other order than the one before take a token with it for no token of theirs.
const keyedMark = "."

// tokenOf is the page token of a position in a list of contacts; empty for the end.
func tokenOf(position *syncengine.ContactPosition, filters ...string) string {
	if position == nil {
		return ""
	}
	id := position.ID
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
	keyed := int64(0)
	if id, times, marked := strings.Cut(after.ID, keyedMark); marked {
		after.ID = id
		if keyed, err = strconv.ParseInt(times, 10, 64); err != nil || keyed <= 0 || strconv.FormatInt(keyed, 10) != times {
			return nil, page.ErrToken
		}
	}
	key, id, err := after.Place()
	if err != nil {
		return nil, err
	}
	return &syncengine.ContactPosition{NameKey: key, ID: id.String(), Keyed: keyed}, nil
}
