package searchkey_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/pkg/searchkey"
)

func TestKeys(t *testing.T) {
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
		require.Equal(t, key, searchkey.Of(text), text)
	}
	rapid.Check(t, func(t *rapid.T) { check(t, rapid.String().Draw(t, "text")) })
}

// check is what holds for whatever text.
func check(t require.TestingT, text string) {
	key := searchkey.Of(text)
	require.Equal(t, key, searchkey.Of(key), "idempotent")
	require.True(t, utf8.ValidString(key))
	require.NotContains(t, key, "\x00", "it can be stored")
	require.NotContains(t, key, "  ")
	require.Equal(t, strings.TrimSpace(key), key)
}

func FuzzOf(f *testing.F) {
	for _, text := range []string{"Äcme GmbH", "A 有限 公司", "ﷺ", "™", "İstanbul A.Ş.", "Ⅻ Ltd", "ی ک ة", "\xff a", "\u0301x", "ガス"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { check(t, text) })
}

// TestNamesAreComparedByTheirLetters also where a search tells letters apart.
func TestNamesAreComparedByTheirLetters(t *testing.T) {
	t.Parallel()
	for text, letters := range map[string]string{
		"Äcme GmbH": "acme gmbh", "ΑΘΉΝΑ": "αθηνα", "Йога": "иога", "ガス": "カス", "ﬁne": "fine", "Łódź": "łodz",
		"می\u200cخواهم": "میخواهم", "": "",
	} {
		require.Equal(t, letters, searchkey.Letters(text), text)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		letters := searchkey.Letters(text)
		require.Equal(t, letters, searchkey.Letters(letters), "idempotent")
	})
}
