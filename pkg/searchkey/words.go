package searchkey

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Words is Of for a text that is found by the beginning of any of its words: what is neither
// letter, digit nor mark parts words, as white space does, and one space stands between two.
// It is idempotent; empty where the text has no word.
func Words(text string) string {
	if key, ok := asciiWords(text); ok {
		return key
	}
	return Part(Of(text))
}

// plain are the letters and digits of ASCII, folded; zero for what parts words.
var plain = func() (table [utf8.RuneSelf]byte) {
	for c := byte(0); c < utf8.RuneSelf; c++ {
		if r := unicode.ToLower(rune(c)); unicode.IsLetter(r) || unicode.IsNumber(r) {
			table[c] = byte(r)
		}
	}
	return table
}()

// asciiWords is Words of the text that most names are, in which nothing needs to be composed.
// It is made for every identity of a round.
func asciiWords(text string) (key string, ok bool) {
	var short [64]byte
	made, space := short[:0], false
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return "", false
		}
		c := plain[text[i]]
		if c == 0 {
			space = len(made) > 0
			continue
		}
		if space {
			made = append(made, ' ')
			space = false
		}
		made = append(made, c)
	}
	return string(made), true
}

// Part parts the words of a text that is folded, by Of or by Letters, as Words does.
func Part(folded string) string {
	var b strings.Builder
	b.Grow(len(folded))
	space := false
	for _, r := range folded {
		if !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsNumber(r) {
			space = b.Len() > 0
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	return b.String()
}
