// Package sheet writes CSV that spreadsheets take as it is meant.
package sheet

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Cells of tables as spreadsheets take them. They run formulas, and what looks like
// a number, a date or a truth value they read as one and write back in a form of
// their own: 007 as 7, 1234567890123 as 1.23457E+12, MAR01 as 01-Mar.

// Shown makes a text that is for people alone, and never read back, one piece:
// some spreadsheets part cells at semicolons, tabs or ends of lines whatever quotes
// stand around them, and what follows would be a cell of its own.
func Shown(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == ';' || unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, text))
}

// Quote encloses a cell that holds what separates cells. A reader that separates
// them by semicolons takes no notice of quotes that follow a comma: see Shown.
func Quote(cell string) string {
	if !strings.ContainsAny(cell, "\",;\t\r\n") && cell == strings.TrimSpace(cell) {
		return cell
	}
	return `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
}

// Escape makes a cell text for a spreadsheet; Unescape undoes it, so that any
// cell comes back as it was.
func Escape(cell string) string {
	if Formula(cell) || rewritable(cell) {
		return "'" + cell
	}
	return cell
}

// Unescape undoes Escape.
func Unescape(cell string) string {
	if rest, ok := strings.CutPrefix(cell, "'"); ok && (Formula(cell) || rewritable(cell)) {
		return rest
	}
	return cell
}

// formulaSigns are what a formula begins with, also in the full-width forms that
// spreadsheets with an input method for East Asian text take as well.
const formulaSigns = "=+-@\t\r\n＝＋－＠"

// Formula reports a cell that a spreadsheet may run as a formula, or one that
// looks like the escape of such a cell
// (https://owasp.org/www-community/attacks/CSV_Injection).
func Formula(cell string) bool {
	first, _ := utf8.DecodeRuneInString(strings.TrimLeft(cell, "'"))
	return strings.ContainsRune(formulaSigns, first)
}

// plainDigits is up to how many digits a whole number without leading zeros is
// Shown, and so written, as it is even in a narrow column.
const plainDigits = 8

// rewritable reports a cell that a spreadsheet may write back in another form, or
// one that looks like the escape of such a cell. It rather takes one too many.
func rewritable(cell string) bool {
	text := strings.ToLower(strings.TrimSpace(strings.TrimLeft(cell, "'")))
	if truthValues[text] {
		return true
	}
	if text == "0" || wholeNumber(text) && len(text) <= plainDigits && text[0] != '0' {
		return false
	}
	digits, word := 0, 0
	for i, r := range text {
		letter := unicode.IsLetter(r) || unicode.IsMark(r)
		if !letter && word > 0 {
			if !numberWord(text[i-word : i]) {
				return false
			}
			word = 0
		}
		switch {
		case letter:
			word += utf8.RuneLen(r)
		case unicode.IsDigit(r):
			digits++
		case !strings.ContainsRune(".,:/-+%()'’", r) && !unicode.In(r, unicode.Zs, unicode.Sc):
			return false // a number has no such sign
		}
	}
	return digits > 0 && (word == 0 || numberWord(text[len(text)-word:]))
}

// LooksRewritten reports a cell that may be what a spreadsheet made of another.
func LooksRewritten(cell string) bool { return wholeNumber(cell) || rewritable(cell) }

// wholeNumber reports a text of ASCII digits alone.
func wholeNumber(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' })
}

// longestMonth bounds the name of a month, in bytes.
const longestMonth = 12

// numberWord reports letters that can stand in a number, a time or a date.
func numberWord(word string) bool {
	switch word {
	case "e", "a", "p", "am", "pm", "t", "z", "h":
		return true
	}
	if len(word) > longestMonth {
		return false
	}
	for _, month := range months {
		if strings.HasPrefix(word, month) {
			return true
		}
	}
	return false
}

// truthValues and months (the beginnings of their names) are those of the languages
// in which spreadsheets are used most where we are.
var (
	truthValues = map[string]bool{
		"true": true, "false": true, "wahr": true, "falsch": true, "vrai": true, "faux": true, "vero": true, "falso": true,
		"verdadero": true, "verdadeiro": true, "waar": true, "onwaar": true, "sand": true, "falsk": true, "sant": true, "usant": true,
		"prawda": true, "fałsz": true,
	}
	months = []string{
		"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", // English
		"jän", "mär", "mrz", "mai", "okt", "dez", // German
		"fév", "fev", "avr", "jui", "aoû", "aou", "déc", // French
		"ene", "abr", "ago", "dic", // Spanish
		"gen", "mag", "giu", "lug", "set", "ott", // Italian
		"mrt", "maa", "mei", "maj", "des", "out", // Dutch, Scandinavian, Portuguese
		"sty", "lut", "kwi", "cze", "lip", "sie", "wrz", "paź", "lis", "gru", // Polish
	}
)
