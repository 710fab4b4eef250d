package searchkey_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/pkg/searchkey"
)

func TestWordsPartAtWhatIsNoLetter(t *testing.T) {
	t.Parallel()
	for text, key := range map[string]string{
		"Ann Smith-Jones":          "ann smith jones",
		"Pat O'Brien":              "pat o brien",
		"O’Brien":                  "o brien",
		" Meier,  Anna ":           "meier anna",
		"Sales (Nord)/Süd":         "sales nord sud",
		"müller":                   "muller",
		"MU\u0308LLER":             "muller",
		"ΑΘΉΝΑ":                    "αθηνα",
		"Йога":                     "йога",
		"क्षत्रिय":                 "क्षत्रिय",
		"김철수":                      "김철수",
		"ﬁne №5":                   "fine no5",
		"Anna 👍":                   "anna",
		"%":                        "",
		"":                         "",
		"\xff\x00-":                "",
		"Nguyễn Văn":               "nguyen van",
		"می\u200cخواهم":            "می خواهم",
		"a\u0301\u200b\u0301-\x7f": "a \u0301",
	} {
		require.Equal(t, key, searchkey.Words(text), "%q", text)
	}
}

func checkWords(t require.TestingT, text string) {
	key := searchkey.Words(text)
	require.Equal(t, searchkey.Part(searchkey.Of(text)), key, "%q: ASCII is made no other way", text)
	require.Equal(t, key, searchkey.Words(key), "%q: idempotent", text)
	require.Equal(t, key, strings.Join(strings.Fields(key), " "), "%q", text)
	for _, r := range key {
		require.True(t, r == ' ' || unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsNumber(r), "%q", text)
	}
}

func TestWordsAreTheWordsOfTheKey(t *testing.T) {
	t.Parallel()
	ascii := rapid.StringOfN(rapid.RuneFrom(nil, &unicode.RangeTable{R16: []unicode.Range16{{Lo: 0, Hi: 0x7f, Stride: 1}}, LatinOffset: 1}), 0, 30, -1)
	rapid.Check(t, func(t *rapid.T) { checkWords(t, rapid.OneOf(rapid.String(), ascii).Draw(t, "text")) })
}

func FuzzWords(f *testing.F) {
	for _, text := range []string{"Äcme-GmbH", "A 有限 公司", "ﷺ", "™", "İstanbul A.Ş.", "\u0301x", "x=\u0338y", "a\u200d\u0301"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { checkWords(t, text) })
}
