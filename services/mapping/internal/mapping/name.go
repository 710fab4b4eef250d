package mapping

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// NormaliseName gives a company's name as names are compared: compatibility
// forms made one, case and accents folded, "&" and its words as "and",
// punctuation and white space gone, legal forms (Inc, LLC, GmbH, …) at its ends
// gone, unless nothing would be left. It is idempotent.
func NormaliseName(name string) string {
	return stripAttached(strings.Join(stripLegalForms(wordsOf(name)), ""))
}

// wordsOf are the folded words of a text.
func wordsOf(text string) []string {
	return joinInitials(foldConjunctions(strings.Fields(plainLetters(text))))
}

// foldedLetters are letters whose difference Unicode does not call an accent.
var foldedLetters = strings.NewReplacer(
	"ß", "ss", "æ", "ae", "œ", "oe", "ø", "o", "đ", "d", "ð", "d", "ł", "l", "þ", "th", "ħ", "h", "ŧ", "t", "ŋ", "n", "ı", "i",
	"ς", "σ", "ـ", "", "ة", "ه", "ى", "ي", "ی", "ي", "ک", "ك",
)

// marks are signs that compatibility would make letters of.
var marks = strings.NewReplacer("™", " ", "℠", " ")

// plainLetters folds letters and leaves single words of letters and digits.
func plainLetters(name string) string {
	var b strings.Builder
	inWord, accents := false, false // whether marks that follow belong to a letter, and are its accents
	for _, r := range fold(name) {
		switch {
		case unicode.IsLetter(r) || unicode.IsNumber(r):
			b.WriteRune(r)
			inWord = true
			accents = unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Arabic, unicode.Hebrew)
		case unicode.IsMark(r):
			if inWord && !accents {
				b.WriteRune(r) // a vowel of scripts that write them so
			}
		case strings.ContainsRune(".'’`\"״׳", r):
			// "S.A.", "O'Neill" and "L.L.C." are one word each
		default:
			if b.WriteByte(' '); r == '&' || r == '+' {
				b.WriteString("and ")
			}
			inWord = false
		}
	}
	return norm.NFC.String(b.String())
}

// fold decomposes a text and puts it into lower case. Lower case may decompose
// further, and compatibility forms may hold capitals. Bytes that are no text
// would keep their neighbours from being decomposed.
func fold(text string) string {
	text = strings.ToValidUTF8(text, " ")
	return norm.NFKD.String(foldedLetters.Replace(strings.ToLower(norm.NFKD.String(marks.Replace(text)))))
}

// conjunctions are the words for "and", folded.
var conjunctions = map[string]bool{
	"and": true, "und": true, "et": true, "y": true, "e": true, "og": true, "och": true, "en": true, "ja": true, "ve": true,
	"и": true, "і": true, "та": true, "και": true,
}

// foldConjunctions makes "and" of its words in other languages where they join
// two others. Between single letters a letter is an initial.
func foldConjunctions(words []string) []string {
	for i := 1; i < len(words)-1; i++ {
		initials := isLetter(words[i]) && isLetter(words[i-1]) && isLetter(words[i+1])
		if conjunctions[words[i]] && !initials {
			words[i] = "and"
		}
	}
	return words
}

// joinInitials makes one word of single letters in a row: "a b c" is "abc", as
// "A.B.C." is.
func joinInitials(words []string) []string {
	out := make([]string, 0, len(words))
	joining := false
	for _, word := range words {
		single := isLetter(word)
		if single && joining {
			out[len(out)-1] += word
			continue
		}
		out = append(out, word)
		joining = single
	}
	return out
}

func isLetter(word string) bool {
	runes := []rune(word)
	return len(runes) == 1 && unicode.IsLetter(runes[0])
}

// stripLegalForms takes legal forms from both ends, as long as a word is left.
func stripLegalForms(words []string) []string {
	for {
		rest := stripOnce(words)
		if len(rest) == 0 || len(rest) == len(words) {
			return words
		}
		words = rest
	}
}

func stripOnce(words []string) []string {
	if len(words) == 0 {
		return words
	}
	for _, form := range trailing[words[len(words)-1]] {
		if len(form) < len(words) && slices.Equal(words[len(words)-len(form):], form) {
			words = words[:len(words)-len(form)]
			if len(words) > 1 && words[len(words)-1] == "and" { // "GmbH & Co. KG"
				words = words[:len(words)-1]
			}
			return words
		}
	}
	for _, form := range leading[words[0]] {
		if len(form) < len(words) && slices.Equal(words[:len(form)], form) {
			return words[len(form):]
		}
	}
	return words
}

// stripAttached takes legal forms that are written without a space.
func stripAttached(name string) string {
	for {
		rest := name
		for _, form := range attached {
			rest = strings.TrimSuffix(strings.TrimPrefix(rest, form), form)
			if rest == "" {
				return name
			}
		}
		if rest == name {
			return name
		}
		name = rest
	}
}
