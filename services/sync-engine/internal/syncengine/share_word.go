package syncengine

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/entrasync/entrasync/pkg/searchkey"
	"github.com/entrasync/entrasync/pkg/text"
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
	for _, word := range strings.FieldsFunc(searchkey.Letters(text.Normalise(name)), func(r rune) bool { return !unicode.IsLetter(r) }) {
		if utf8.RuneCountInString(word) > 1 {
			words = append(words, word)
		}
	}
	return words
}
