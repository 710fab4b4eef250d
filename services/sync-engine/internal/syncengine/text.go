package syncengine

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxNameRunes is how long a name may be, in characters.
const maxNameRunes = 256

// NormaliseText trims and composes (NFC).
func NormaliseText(s string) string {
	s = strings.TrimSpace(s)
	if norm.NFC.IsNormalString(s) {
		return s
	}
	return norm.NFC.String(s)
}

// NameKey is what a search by the beginning of a name compares with.
func NameKey(name string) string {
	return NormaliseText(strings.ToLower(NormaliseText(name)))
}

func tooLong(name string) bool {
	return len(name) > maxNameRunes && utf8.RuneCountInString(name) > maxNameRunes
}
