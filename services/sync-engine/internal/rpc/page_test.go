package rpc

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/pkg/page"
	"github.com/entrasync/entrasync/services/sync-engine/internal/syncengine"
)

func FuzzContactToken(f *testing.F) {
	f.Add("")
	f.Add("eyJpIjoiIn0")
	f.Add(tokenOf(&syncengine.ContactPosition{NameKey: "ann", ID: uuid.NewString()}))
	f.Add(tokenOf(&syncengine.ContactPosition{NameKey: "ann", ID: uuid.NewString(), ContactOrder: syncengine.ContactOrder{Keyed: 7}}))
	f.Add(tokenOf(&syncengine.ContactPosition{NameKey: "ann", ID: uuid.NewString(), ContactOrder: syncengine.ContactOrder{Keyed: 7, ByPlace: true}}))
	f.Add(tokenOf(&syncengine.ContactPosition{NameKey: "ann", ID: uuid.NewString(), ContactOrder: syncengine.ContactOrder{ByPlace: true}}))
	f.Add(page.Cursor{Key: "ann", ID: "no id"}.Token())
	f.Add(page.Cursor{Key: "ann", ID: uuid.NewString() + ".07"}.Token())
	f.Fuzz(func(t *testing.T, token string) {
		position, err := positionOf(token)
		if err != nil {
			require.Equal(t, "invalid_argument", errs.ReasonOf(err))
			return
		}
		if position == nil {
			require.Empty(t, token)
			return
		}
		require.NotContains(t, position.NameKey, "\x00")
		again, err := positionOf(tokenOf(position))
		require.NoError(t, err)
		require.Equal(t, position, again)
	})
}
