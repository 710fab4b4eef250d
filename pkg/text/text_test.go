package text_test

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/entrasync/entrasync/pkg/text"
	"github.com/entrasync/entrasync/pkg/text/texttest"
)

func TestNormalise(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"  Ann  Lee ":                "Ann Lee",
		"Ann\r\nLee\tSmith":          "Ann Lee Smith",
		"Ann\u00a0\u2003Lee\u3000":   "Ann Lee",
		"\ufeffAnn\u200b Lee\u2060":  "Ann Lee",
		"\u202eAnn\u202c \u2066Lee":  "Ann Lee",
		"Ann\x07\x7f\u0085Lee":       "Ann Lee",
		"soft\u00adhyphen":           "softhyphen",
		"u\u0308ber":                 "über",
		"\u3164\u115f\uffa0":         "",
		"می\u200cخواهم":              "می\u200cخواهم", // Persian is spelled with it
		"क\u094d\u200dष":             "क\u094d\u200dष",
		"Ann\u200d Lee\u200c":        "Ann Lee",
		"\u200dAnn":                  "Ann",
		"👩\u200d💻 Ann\ufe0f":         "👩💻 Ann",
		"O'Brien \"Bob\"; DROP":      "O'Brien \"Bob\"; DROP",
		"":                           "",
		" \t\u200b":                  "",
		"a\u200d\u200b\u200c\u200db": "a\u200db",
	} {
		require.Equal(t, want, text.Normalise(in), "%q", in)
	}
}

// checkText is what holds for whatever text was normalised.
func checkText(t require.TestingT, raw string) {
	normal := text.Normalise(raw)
	require.Equal(t, normal, text.Normalise(normal), "idempotent: %q", raw)
	if !utf8.ValidString(raw) {
		return
	}
	require.True(t, norm.NFC.IsNormalString(normal), "%q", normal)
	require.Equal(t, strings.Join(strings.Fields(normal), " "), normal, "one space each")
	runes := []rune(normal)
	for i, r := range runes {
		require.False(t, unicode.IsControl(r), "%q", normal)
		if !unicode.Is(unicode.Cf, r) {
			continue
		}
		require.Contains(t, "\u200c\u200d", string(r), "%q", normal)
		require.Positive(t, i)
		require.Less(t, i+1, len(runes))
		for _, beside := range []rune{runes[i-1], runes[i+1]} {
			require.True(t, unicode.IsLetter(beside) || unicode.IsMark(beside), "%q", normal)
		}
	}
	for _, r := range normal {
		if r > unicode.MaxASCII && unicode.IsLetter(r) {
			return
		}
	}
	// What can be seen stays, in its order.
	seen := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r <= ' ' || r > '~' {
				return -1
			}
			return r
		}, s)
	}
	if !slices.ContainsFunc([]rune(raw), func(r rune) bool { return unicode.IsMark(r) || norm.NFC.String(string(r)) != string(r) }) {
		require.Equal(t, seen(raw), seen(normal))
	}
}

func TestNormalTextIsNormal(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) { checkText(t, texttest.Odd().Draw(t, "text")) })
}

// TestLatinLettersAreNormal: those with accents are composed, can be seen and compose with one another
// to nothing, so that a text of them is taken as it is.
func TestLatinLettersAreNormal(t *testing.T) {
	t.Parallel()
	for a := '\u00c0'; a <= '\u017f'; a++ {
		require.True(t, unicode.IsPrint(a) && !unicode.IsSpace(a) && !unicode.IsMark(a), "%U", a)
		for b := '\u00c0'; b <= '\u017f'; b++ {
			pair := string([]rune{a, b})
			require.True(t, norm.NFC.IsNormalString(pair), "%U %U", a, b)
			require.Equal(t, pair, text.Normalise(pair))
		}
	}
	require.Equal(t, "\u1e16", text.Normalise("\u0112\u0301"), "a mark behind one composes")
}

func FuzzNormalise(f *testing.F) {
	for _, seed := range []string{"a\u200db", "\u1100\u115f\u1161", "e\u200b\u0301", "\u0958\u200d", "\xff \u200b", "\u1fef\u2000"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) { checkText(t, raw) })
}
