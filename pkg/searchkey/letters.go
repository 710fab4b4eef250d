package searchkey

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// The two joiners, with which some scripts spell words.
const (
	nonJoiner = '\u200c'
	joiner    = '\u200d'
)

// Letters is a text as names are compared letter by letter, by whoever asks whether two may
// be one person's: compatibility forms made one, case, accents and the marks of every
// script folded, white space as it is. It is stored nowhere; what is searched is Of.
func Letters(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsMark(r) || r == joiner || r == nonJoiner {
			return -1
		}
		return r
	}, norm.NFKD.String(strings.ToLower(norm.NFKD.String(text))))
}
