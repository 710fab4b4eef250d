// Package searchkey makes texts comparable for search and for the order of lists. Its
// keys are stored: another form of them needs a migration.
package searchkey

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Of is a text as it is searched and sorted: compatibility forms made one, case and
// the accents of Latin and Greek letters folded, white space single. It is
// idempotent.
func Of(text string) string {
	folded := strings.ToLower(norm.NFKD.String(strings.ToValidUTF8(text, " ")))
	var b strings.Builder
	b.Grow(len(folded))
	space, accented := false, false
	for _, r := range folded {
		switch {
		case accented && unicode.Is(unicode.Mn, r):
			continue
		case unicode.IsSpace(r) || unicode.IsControl(r):
			space = b.Len() > 0
			accented = false
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
		accented = 'a' <= r && r <= 'z' || r >= utf8.RuneSelf && unicode.In(r, unicode.Latin, unicode.Greek) || (accented && unicode.Is(unicode.Mn, r))
	}
	return norm.NFC.String(b.String())
}
