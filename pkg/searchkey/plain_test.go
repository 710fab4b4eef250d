package searchkey_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/pkg/searchkey"
)

func TestPlainWritesLettersAsTheyAreTyped(t *testing.T) {
	t.Parallel()
	for text, key := range map[string]string{
		"Weiß": "weiss", "WEIẞ": "weiss", "Łódź": "lodz", "Jørgen": "jorgen", "ǿ": "o", "Ægir Œuvre": "aegir oeuvre", "Đức": "duc", "Guðþór": "gudthor",
		"Işık İnan": "isik inan", "plain": "plain", "ΑΘΉΝΑ": "αθηνα", "": "",
	} {
		require.Equal(t, key, searchkey.Plain(searchkey.Of(text)), text)
	}
	letter := rapid.SampledFrom([]rune("aß łøæœđðþıŁØÞ'é\u0301İ"))
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringOf(letter)).Draw(t, "text")
		key := searchkey.Plain(searchkey.Words(text))
		require.Equal(t, key, searchkey.Plain(key), "idempotent")
		require.Equal(t, key, searchkey.Words(key), "still a key")
	})
}
