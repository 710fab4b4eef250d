package rpc

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/reconciliation/internal/reconciliation"
)

func FuzzPageToken(f *testing.F) {
	f.Add("")
	f.Add("AAAA")
	f.Add(encodePlace(&reconciliation.Place{CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), ID: uuid.NewString()}))
	f.Fuzz(func(t *testing.T, token string) {
		place, err := decodePlace(token)
		if err != nil {
			require.Equal(t, "invalid_argument", errs.ReasonOf(err))
			return
		}
		if token == "" {
			require.Zero(t, place)
			return
		}
		require.Equal(t, token, encodePlace(&place))
	})
}
