package rpc

import (
	"time"

	"github.com/entrasync/entrasync/pkg/page"
	"github.com/entrasync/entrasync/services/reconciliation/internal/reconciliation"
)

// tokenOf is the page token of a place in a list; empty for the end.
func tokenOf(place *reconciliation.Place, filters ...string) string {
	if place == nil {
		return ""
	}
	return page.Cursor{Key: place.CreatedAt.UTC().Format(time.RFC3339Nano), ID: place.ID}.Token(filters...)
}

// placeOf reads a caller's token; page.ErrToken if it is not one of ours.
func placeOf(token string, filters ...string) (reconciliation.Place, error) {
	after, err := page.Parse(token, filters...)
	if err != nil || after == nil {
		return reconciliation.Place{}, err
	}
	key, id, err := after.Place()
	if err != nil {
		return reconciliation.Place{}, err
	}
	at, err := time.Parse(time.RFC3339Nano, key)
	if err != nil || at.Year() < 1970 || at.Year() > 9999 { // beyond what the database or JSON can represent
		return reconciliation.Place{}, page.ErrToken
	}
	return reconciliation.Place{CreatedAt: at.UTC(), ID: id.String()}, nil
}
