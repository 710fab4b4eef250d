package mapping_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
)

func FuzzDecodeCursor(f *testing.F) {
	f.Add("")
	f.Add("e30")
	f.Add("bnVsbA")
	f.Add(mapping.EncodeCursor(mapping.Cursor{Key: "acme", ID: "1"}, "f"))
	f.Fuzz(func(t *testing.T, token string) {
		c, err := mapping.DecodeCursor(token, "f")
		if err != nil {
			require.Equal(t, "invalid_argument", errs.ReasonOf(err))
			require.Nil(t, c)
			return
		}
		if c == nil {
			require.Empty(t, token)
			return
		}
		require.NotContains(t, c.Key, "\x00")
		again, err := mapping.DecodeCursor(mapping.EncodeCursor(*c, "f"), "f")
		require.NoError(t, err)
		require.Equal(t, c, again)
		_, err = mapping.DecodeCursor(token, "another list")
		require.Error(t, err)
	})
}

func TestACursorComesBackAsItWas(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.Rune().Filter(func(r rune) bool { return r != 0 }))
		c := mapping.Cursor{Key: text.Draw(t, "key"), ID: text.Draw(t, "id")}
		filters := rapid.SliceOfN(text, 0, 3).Draw(t, "filters")
		token := mapping.EncodeCursor(c, filters...)
		got, err := mapping.DecodeCursor(token, filters...)
		require.NoError(t, err)
		require.Equal(t, &c, got)
		_, err = mapping.DecodeCursor(token, append(filters, "more")...)
		require.Error(t, err)
	})
}
