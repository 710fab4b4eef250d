package searchkey

import (
	"strings"
	"unicode/utf8"
)

// Plain writes letters of a key that Of leaves as they are, since they are no letter with an
// accent, in the letters that people type for them: ß as ss, ł as l, ø as o. It is idempotent.
func Plain(key string) string {
	for i := range len(key) {
		if key[i] >= utf8.RuneSelf {
			return plainLetters.Replace(key)
		}
	}
	return key
}

// plainLetters are all small: a key has no others.
var plainLetters = strings.NewReplacer(
	"ß", "ss", "æ", "ae", "œ", "oe", "ø", "o", "ł", "l", "đ", "d", "ð", "d", "þ", "th", "ı", "i",
)
