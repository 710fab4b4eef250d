package syncengine

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// servicePattern is one of the default patterns of service accounts.
type servicePattern struct {
	name string // as a report shows it
	re   *regexp.Regexp
}

// The default patterns see text folded by foldForPatterns. They hold whole words, so
// that "Abbott", "Talbot" and "Moreno Reply" stay: what stands before and behind a
// word is neither letter, mark nor, where it says so, digit.
var (
	// servicePatterns count whether or not the account has a person's name.
	servicePatterns = []servicePattern{
		{"svc…", regexp.MustCompile(`^svc(?:[^\pL\pN\pM]|$)`)},
		{"service account…", regexp.MustCompile(`^service[- ]account(?:[^\pL\pN\pM]|$)`)},
		{"…service account", regexp.MustCompile(`(?:^|[^\pL\pN\pM])service[- ]account$`)},
		{"no-reply", regexp.MustCompile(`(?:^|[^\pL\pM])no[-_. ]?reply(?:[^\pL\pM]|$)`)},
		{"do-not-reply", regexp.MustCompile(`(?:^|[^\pL\pM])do[-_. ]?not[-_. ]?reply(?:[^\pL\pM]|$)`)},
		{"shared mailbox", regexp.MustCompile(`(?:^|[^\pL\pM])shared[-_. ]?mailbox(?:[^\pL\pM]|$)`)},
	}
	// namelessPatterns are also parts of people's names: they count only where the
	// given name or the surname is missing.
	namelessPatterns = []servicePattern{
		{"sa…", regexp.MustCompile(`^sa(?:[-_.]|$)`)},
		{"system…", regexp.MustCompile(`^system(?:[-_.]|$)`)},
		{"automation", wholeWord("automation")},
		{"automated", wholeWord("automated")},
		{"daemon", wholeWord("daemon")},
		{"bot", wholeWord("bot")},
	}
)

// microsoftAccounts are what the local parts of Microsoft's own accounts begin with.
var microsoftAccounts = []string{
	"sync_", "msol_", "adtoaadsyncserviceaccount", "healthmailbox", "systemmailbox", "discoverysearchmailbox", "federatedemail.", "migration.", "package_",
}

// directorySyncName is what Microsoft names the account of a directory's sync.
const directorySyncName = "on-premises directory synchronization service account"

func wholeWord(word string) *regexp.Regexp {
	return regexp.MustCompile(`(?:^|[^\pL\pN\pM])` + word + `(?:[^\pL\pN\pM]|$)`)
}

// serviceAccount is the default pattern that a user falls under, empty when none
// does. upn and mail are normalised, name is the display name.
func serviceAccount(u *User, upn, mail, name string) string {
	nameless := NormaliseName(u.GivenName) == "" || NormaliseName(u.Surname) == ""
	locals := [2]string{localPart(upn), localPart(mail)}
	for i, local := range locals {
		if local == "" || i > 0 && local == locals[0] {
			continue
		}
		local = foldForPatterns(local)
		for _, prefix := range microsoftAccounts {
			if strings.HasPrefix(local, prefix) {
				return prefix + "…"
			}
		}
		if found := servicePatternOf(local, nameless); found != "" {
			return found
		}
	}
	name = foldForPatterns(name)
	if name == directorySyncName {
		return directorySyncName
	}
	return servicePatternOf(name, nameless)
}

func localPart(address string) string {
	local, _, _ := strings.Cut(address, "@")
	return local
}

// servicePatternOf is the first pattern that a folded text has.
func servicePatternOf(s string, nameless bool) string {
	// Most texts have none of the runs of letters that a pattern needs.
	if strings.HasPrefix(s, "svc") || strings.Contains(s, "reply") || strings.Contains(s, "mailbox") || strings.Contains(s, "account") {
		if found := firstPattern(servicePatterns, s); found != "" {
			return found
		}
	}
	if nameless && (strings.HasPrefix(s, "sa") || strings.HasPrefix(s, "system") || strings.Contains(s, "bot") || strings.Contains(s, "automat") || strings.Contains(s, "daemon")) {
		return firstPattern(namelessPatterns, s)
	}
	return ""
}

func firstPattern(patterns []servicePattern, s string) string {
	for _, p := range patterns {
		if p.re.MatchString(s) {
			return p.name
		}
	}
	return ""
}

// foldForPatterns puts a text into lower case and makes one of the spaces, and one of
// the hyphens, of every script.
func foldForPatterns(s string) string {
	s = strings.ToLower(s)
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return strings.Map(foldSign, norm.NFKC.String(s))
		}
	}
	return s
}

func foldSign(r rune) rune {
	switch {
	case r < utf8.RuneSelf:
		return r
	case unicode.IsSpace(r):
		return ' '
	case unicode.Is(unicode.Pd, r), r == '\u2212', r == '\u2043': // the minus sign and the hyphen bullet
		return '-'
	}
	return r
}
