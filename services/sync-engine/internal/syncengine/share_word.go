package syncengine

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// ShareWord reports whether two names have a word of two letters or more in common,
// whatever its case and accents. A successor who inherits an address has another name.
func ShareWord(a, b string) bool {
	words := map[string]bool{}
	for _, word := range nameWords(a) {
		words[word] = true
	}
	for _, word := range nameWords(b) {
		if words[word] {
			return true
		}
	}
	return false
}

// nameWords are the words of a name that say something, folded.
func nameWords(name string) (words []string) {
	folded := strings.Map(func(r rune) rune {
		if unicode.IsMark(r) || r == zeroWidthJoiner || r == zeroWidthNonJoiner {
			return -1
		}
		return r
	}, norm.NFKD.String(strings.ToLower(norm.NFKD.String(NormaliseText(name)))))
	for _, word := range strings.FieldsFunc(folded, func(r rune) bool { return !unicode.IsLetter(r) }) {
		if utf8.RuneCountInString(word) > 1 {
			words = append(words, word)
		}
	}
	return words
}
