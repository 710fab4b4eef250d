package expect

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// clean is a text as it is kept: composed, without what cannot be seen, with single
// spaces.
func clean(s string) string {
	var seen []rune
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			seen = append(seen, ' ')
		case r == '\u200c' || r == '\u200d':
			seen = append(seen, r)
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Variation_Selector), strings.ContainsRune("\u3164\u115f\u1160\uffa0\u034f", r):
		default:
			seen = append(seen, r)
		}
	}
	var out []rune
	for i, r := range seen {
		if joins := r == '\u200c' || r == '\u200d'; joins && (i == 0 || i == len(seen)-1 || !unicode.IsLetter(seen[i-1]) || !unicode.IsLetter(seen[i+1])) {
			continue
		}
		out = append(out, r)
	}
	return norm.NFC.String(strings.Join(strings.Fields(string(out)), " "))
}

// personName is a name with a letter or digit, cleaned; empty without one.
func personName(s string) string {
	s = clean(s)
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
		return s
	}
	return ""
}

var (
	nameAndAddress = regexp.MustCompile(`^[^<>@]*<([^<>]*)>$`)
	localPart      = regexp.MustCompile(`^[\pL\pM\pN!#$%&'*+/=?^_{|}~.\x60-]+$`)
)

// Address normalises an email address, without what surrounds it; false where a field
// holds none, or two.
func Address(raw string) (string, bool) {
	s := strings.ToLower(strings.ReplaceAll(clean(raw), "’", "'"))
	s = strings.TrimPrefix(strings.TrimRight(s, " ;,"), "mailto:")
	if m := nameAndAddress.FindStringSubmatch(s); m != nil {
		s = strings.TrimPrefix(strings.TrimSpace(m[1]), "mailto:")
	}
	for _, quote := range []string{"'", `"`} {
		if len(s) > 1 && strings.HasPrefix(s, quote) && strings.HasSuffix(s, quote) {
			s = s[1 : len(s)-1]
			break
		}
	}
	local, domain, ok := strings.Cut(s, "@")
	if !ok || strings.Contains(domain, "@") || len(local) > 64 || !localPart.MatchString(local) {
		return "", false
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil || !strings.Contains(strings.Trim(ascii, "."), ".") || len(local)+1+len(ascii) > 254 {
		return "", false
	}
	return local + "@" + ascii, true
}

// fold makes one of the spaces and one of the hyphens of every script.
func fold(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.Is(unicode.Pd, r):
			return '-'
		}
		return r
	}, strings.ToLower(text))
}

var (
	always    = regexp.MustCompile(`^(svc|service account)([^\pL\pN]|$)|(^|[^\pL\pN])service account$`)
	inside    = regexp.MustCompile(`(^|[^\pL])(no[-_. ]?reply|do[-_. ]?not[-_. ]?reply|shared[-_. ]?mailbox)([^\pL]|$)`)
	nameless  = regexp.MustCompile(`^(sa|system)([-_.]|$)|(^|[^\pL\pN])(automation|automated|daemon|bot)([^\pL\pN]|$)`)
	microsoft = []string{
		"sync_", "msol_", "adtoaadsyncserviceaccount", "healthmailbox", "systemmailbox", "discoverysearchmailbox", "federatedemail.", "migration.", "package_",
	}
)

// isServiceAccount applies the default patterns to the local parts of an account's
// addresses and to its display name.
func isServiceAccount(locals []string, display string, hasBothNames bool) bool {
	for _, local := range locals {
		if slices.ContainsFunc(microsoft, func(prefix string) bool { return strings.HasPrefix(local, prefix) }) {
			return true
		}
	}
	return slices.ContainsFunc(append(locals, display), func(text string) bool {
		text = fold(text)
		return always.MatchString(text) || inside.MatchString(text) || !hasBothNames && nameless.MatchString(text)
	})
}

// shareWord says whether two names have a word of two letters or more in common,
// whatever its case and accents.
func shareWord(a, b string) bool {
	words := func(name string) []string {
		plain := strings.Map(func(r rune) rune {
			if unicode.IsMark(r) {
				return -1
			}
			return unicode.ToLower(r)
		}, norm.NFKD.String(clean(name)))
		return strings.FieldsFunc(plain, func(r rune) bool { return !unicode.IsLetter(r) })
	}
	others := words(b)
	return slices.ContainsFunc(words(a), func(w string) bool { return len([]rune(w)) > 1 && slices.Contains(others, w) })
}

// Domain normalises a domain or a URL; false where there is none.
func Domain(raw string) (string, bool) {
	s := strings.ToLower(strings.TrimSpace(raw))
	if _, after, ok := strings.Cut(s, "://"); ok {
		s = after
	}
	s, _, _ = strings.Cut(s, "/")
	s, _, _ = strings.Cut(s, ":")
	s = strings.TrimSuffix(strings.TrimPrefix(s, "www."), ".")
	ascii, err := idna.Lookup.ToASCII(s)
	if err != nil || !strings.Contains(ascii, ".") {
		return "", false
	}
	return ascii, true
}

// publicMailboxes are providers that give addresses to anybody; those that
// occur in a fleet and the best known others.
var publicMailboxes = []string{
	"gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "msn.com", "yahoo.com", "yahoo.co.uk", "icloud.com", "aol.com", "gmx.de", "web.de", "proton.me",
}

// countsAsMatch says whether a domain may stand for one company.
func countsAsMatch(domain string) bool {
	return !slices.Contains(publicMailboxes, domain) && !strings.HasSuffix(domain, ".onmicrosoft.com")
}
