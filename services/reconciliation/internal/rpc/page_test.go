package rpc

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/page"
	"github.com/entrasync/entrasync/services/reconciliation/internal/reconciliation"
)

func FuzzPageToken(f *testing.F) {
	f.Add("")
	f.Add("AAAA")
	f.Add(page.Cursor{Key: "10000-01-01T00:00:00Z", ID: uuid.NewString()}.Token())
	f.Add(page.Cursor{Key: "2026-01-02T03:04:05.000006+23:59", ID: "no id"}.Token())
	f.Add(tokenOf(&reconciliation.Place{CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), ID: uuid.NewString()}))
	f.Fuzz(func(t *testing.T, token string) {
		place, err := placeOf(token)
		if err != nil {
			require.Equal(t, "invalid_argument", errs.ReasonOf(err))
			return
		}
		if token == "" {
			require.Zero(t, place)
			return
		}
		again, err := placeOf(tokenOf(&place))
		require.NoError(t, err)
		require.Equal(t, place, again)
	})
}
