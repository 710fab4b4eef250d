// Package text gives texts the form in which they are kept, whoever sent them.
package text

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The two joiners, which scripts such as Persian and Devanagari spell words with.
const (
	NonJoiner = '\u200c'
	Joiner    = '\u200d'
)

// Normalise gives the form in which texts are kept, whoever sent them: NFC;
// without control, zero-width, bidirectional and other format characters, but for
// a joiner between two letters; every run of white space, line breaks included,
// one space; none at the ends. It is idempotent.
func Normalise(s string) string {
	if isNormalText(s) {
		return s
	}
	// Composing may put characters next to one another that were apart, and some
	// compose to a space.
	return norm.NFC.String(visible(norm.NFC.String(visible(s))))
}

// isNormalText reports the text that most are, printable ASCII and Latin letters from À to ſ, which are
// composed and compose with nothing but marks. It looks at bytes only.
func isNormalText(s string) bool {
	space := true // as if one stood before
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case isLatinLead(c) && i+1 < len(s) && isContinuation(s[i+1]):
			space = false
			i++
		case c < ' ' || c > '~' || c == ' ' && space:
			return false
		default:
			space = c == ' '
		}
	}
	return !space || s == ""
}

// isLatinLead reports the first byte of the characters from U+00C0 to U+017F, each of which has two.
func isLatinLead(c byte) bool { return 0xc3 <= c && c <= 0xc5 }

func isContinuation(c byte) bool { return 0x80 <= c && c <= 0xbf }

// visible leaves out what cannot be seen and makes one space of white space.
func visible(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	var before, joiner rune // the last character that stays; a joiner that waits for a letter
	space := false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			space = b.Len() > 0
			continue
		case r == Joiner || r == NonJoiner:
			if joiner == 0 {
				joiner = r
			}
			continue
		case invisible(r):
			continue
		}
		if joiner != 0 && !space && Spells(before) && Spells(r) {
			b.WriteRune(joiner)
		}
		if space {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
		before, joiner, space = r, 0, false
	}
	return b.String()
}

// invisible reports a character without a width or a form of its own: control and
// format characters, variation selectors, and the fillers, which Unicode counts as
// letters.
func invisible(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' || r == 0x7f
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// Spells reports a letter, or a mark that belongs to one.
func Spells(r rune) bool { return unicode.IsLetter(r) || unicode.IsMark(r) }

// Key gives the form of a key that the host chose: what it means is the host's alone, so it
// is trimmed and composed and no more.
func Key(s string) string {
	return norm.NFC.String(strings.TrimSpace(s))
}
