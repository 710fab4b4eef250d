package reconciliation

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/entrasync/entrasync/pkg/searchkey"
)

// likeness is how similar two names are.
type likeness int

const (
	doubtful  likeness = iota // a word in common, a nickname, a typing error, another script: a person has to find out
	sameName                  // all words of one are in the other, and two at least
	otherName                 // nothing in common that could be a variant
)

// titles do not identify a person.
var titles = wordSet("dr prof med dipl ing mr mrs ms miss herr frau")

// functions are names of what a mailbox is for, and of what stands where no name is known.
var functions = wordSet(`info office reception empfang front desk billing invoices invoice rechnung accounts account payable receivable accounting
	payroll sales service services support helpdesk help hr marketing team department dept group mailbox shared orders order bookings warehouse
	admin administration administratie administracion administracao sekretariat secretary segreteria secretariat praxis kontor kontoret buchhaltung
	regnskap ekonomi kundtjanst kundendienst recepcion recepcao reception muhasebe biuro contact hello mail noreply unknown none na n a tbc`)

// second are words by which people name accounts beside their own.
var second = wordSet("admin adm administrator cloud global test ga da")

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for _, word := range strings.Fields(words) {
		set[word] = true
	}
	return set
}

// spelling makes one of ways to write the same letters: umlauts and their transcriptions.
var spelling = strings.NewReplacer("ae", "a", "oe", "o", "ue", "u", "aa", "a", "ß", "ss", "ø", "o", "æ", "a", "œ", "o", "ł", "l", "đ", "d", "ð", "d", "ı", "i")

// compared is a name as it is compared: folded as the engine folds the names of which it asks
// whether they share a word.
func compared(name string) string { return searchkey.Part(searchkey.Letters(name)) }

// nameWords are the words of a name that say who it is, without what stands in brackets.
func nameWords(name string) []string {
	return slices.DeleteFunc(strings.Fields(spelling.Replace(compared(unbracketed(name)))), func(word string) bool { return titles[word] })
}

// unbracketed leaves out what stands in brackets: what somebody is, and not who.
func unbracketed(name string) string {
	var b strings.Builder
	depth := 0
	for _, r := range name {
		switch {
		case r == '(' || r == '[':
			depth++
		case (r == ')' || r == ']') && depth > 0:
			depth--
		case depth == 0:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// personWords are nameWords without those that say that it is an account beside another.
func personWords(name string) []string {
	return slices.DeleteFunc(nameWords(name), func(word string) bool { return second[word] })
}

// isFunction reports a name of a mailbox, not of a person.
func isFunction(name string) bool {
	words := nameWords(name)
	return len(words) == 0 || !slices.ContainsFunc(words, func(word string) bool { return !functions[word] })
}

// isPerson reports what can be the full name of a person: two words, without a number.
func isPerson(name string) bool {
	return len(personWords(name)) > 1 && !isFunction(name) && !strings.ContainsFunc(name, unicode.IsNumber)
}

// compareNames compares the names of an identity and a contact.
func compareNames(a, b string) likeness {
	x, y := personWords(a), personWords(b)
	if len(x) > len(y) {
		x, y = y, x
	}
	switch {
	case len(x) == 0:
		return ofFunctions(a, b)
	case slices.Equal(sorted(x), sorted(y)):
		if len(x) > 1 || isFunction(a) {
			return sameName
		}
		return doubtful
	case len(x) > 1 && within(x, y) && !generations(y):
		return sameName
	case akin(x, y):
		return doubtful
	case isFunction(a) || isFunction(b), len(x) > 1 && script(x[0]) == script(y[0]):
		return otherName
	}
	return doubtful
}

// ofFunctions compares names of which one has no word of a person.
func ofFunctions(a, b string) likeness {
	if isFunction(a) != isFunction(b) {
		return otherName
	}
	return doubtful
}

func sorted(words []string) []string { return slices.Sorted(slices.Values(words)) }

// within reports that every word of x is one of y.
func within(x, y []string) bool {
	return !slices.ContainsFunc(x, func(word string) bool { return !slices.Contains(y, word) })
}

// generations reports a word that distinguishes a father from his son.
func generations(words []string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return word == "jr" || word == "sr" || word == "ii" || word == "iii" })
}

// akin reports that a word of the one may be one of the other, or its short form.
func akin(x, y []string) bool {
	for _, a := range x {
		for _, b := range y {
			if alike(a, b) {
				return true
			}
		}
	}
	return false
}

// alike reports words of which one may be the other, with a typing error, cut short or an
// initial alone.
func alike(a, b string) bool {
	short, long := a, b
	if len(short) > len(long) {
		short, long = long, short
	}
	switch n := utf8.RuneCountInString(short); {
	case n == 0:
		return false
	case strings.HasPrefix(long, short):
		return true
	case n < 4:
		return false
	case n < 7:
		return distance(a, b) <= 1
	}
	return distance(a, b) <= 2
}

// distance is how many letters must be changed, added or taken to make one of the other.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i, r := range x {
		before := row[0]
		row[0] = i + 1
		for j, s := range y {
			changed := before
			if r != s {
				changed++
			}
			before = row[j+1]
			row[j+1] = min(changed, row[j]+1, before+1)
		}
	}
	return row[len(y)]
}

// script is the writing system of a word; nil for one that is none of the usual.
func script(word string) *unicode.RangeTable {
	r, _ := utf8.DecodeRuneInString(word)
	for _, table := range []*unicode.RangeTable{unicode.Latin, unicode.Cyrillic, unicode.Greek, unicode.Han, unicode.Arabic, unicode.Hebrew} {
		if unicode.Is(table, r) {
			return table
		}
	}
	return nil
}
