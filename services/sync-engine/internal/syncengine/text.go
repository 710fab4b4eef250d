package syncengine

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/entrasync/entrasync/pkg/searchkey"
	"github.com/entrasync/entrasync/pkg/text"
)

// maxNameRunes is how long a name may be, in characters.
const maxNameRunes = 256

// NormaliseName is text.Normalise for the name of a person; empty where it has
// neither letter nor digit, so that another name can take its place.
func NormaliseName(s string) string {
	s = text.Normalise(s)
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }) {
		return s
	}
	return ""
}

// personName is the first that there is of the display name, given name and
// surname, and the local part of the address; the whole address where that has
// neither letter nor digit.
func personName(display, given, surname, address string) string {
	if display = NormaliseName(display); display != "" {
		return display
	}
	if whole := NormaliseName(given + " " + surname); whole != "" {
		return whole
	}
	if local := NormaliseName(address[:max(strings.LastIndexByte(address, '@'), 0)]); local != "" {
		return local
	}
	return address
}

// NameKey is what names are sorted by, and what a search by the beginning of their words
// compares with: of stored names and of what is typed. It is stored with contacts and with kept
// identities: with another form of it those are keyed anew.
func NameKey(name string) string { return searchkey.Plain(searchkey.Words(text.Normalise(name))) }

func tooLong(name string) bool {
	return len(name) > maxNameRunes && utf8.RuneCountInString(text.Normalise(name)) > maxNameRunes
}
