package discovery_test

import (
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/discovery/internal/discovery"
)

func TestCursorsComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := discovery.Cursor{NameKey: rapid.String().Draw(t, "key"), ID: rapid.String().Draw(t, "id")}
		filter := rapid.String().Draw(t, "filter")
		token := discovery.EncodeCursor(c, filter)
		if utf8.ValidString(c.NameKey + c.ID) {
			got, err := discovery.DecodeCursor(token, filter)
			require.NoError(t, err)
			require.Equal(t, c, *got)
		}
		_, err := discovery.DecodeCursor(token, filter+"x")
		require.Equal(t, "invalid_argument", errs.ReasonOf(err), "the token of another list")
	})
}

func FuzzDecodeCursor(f *testing.F) {
	f.Add("")
	f.Add("e30")
	f.Add(discovery.EncodeCursor(discovery.Cursor{NameKey: "acme", ID: "1"}, "f"))
	f.Fuzz(func(t *testing.T, token string) {
		c, err := discovery.DecodeCursor(token, "f")
		switch {
		case err != nil:
			require.Equal(t, errs.Invalid, errs.KindOf(err))
		case c != nil:
			require.NotEmpty(t, discovery.EncodeCursor(*c, "f"))
		default:
			require.Empty(t, token)
		}
	})
}

func TestSearchKeys(t *testing.T) {
	t.Parallel()
	for text, key := range map[string]string{
		"  Äcme   GmbH\t& Co ": "acme gmbh & co",
		"ΑΘΉΝΑ":                "αθηνα",
		"株式会社　トヨタ":             "株式会社 トヨタ",
		"ガス":                   "ガス",
		"Йога":                 "йога",
		"ﬁne":                  "fine",
		"":                     "",
	} {
		require.Equal(t, key, discovery.SearchKey(text), text)
	}
	rapid.Check(t, func(t *rapid.T) {
		once := discovery.SearchKey(rapid.String().Draw(t, "text"))
		require.Equal(t, once, discovery.SearchKey(once))
	})
}
