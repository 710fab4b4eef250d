package expect

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

func clean(s string) string { return norm.NFC.String(strings.TrimSpace(s)) }

// Address normalises an email address; false where it is none.
func Address(raw string) (string, bool) {
	s := strings.ToLower(clean(raw))
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || strings.Contains(domain, "@") || len(local) > 64 || strings.ContainsFunc(s, unicode.IsSpace) {
		return "", false
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil || !strings.Contains(strings.Trim(ascii, "."), ".") || len(local)+1+len(ascii) > 254 {
		return "", false
	}
	return local + "@" + ascii, true
}

var inside = regexp.MustCompile(`no[-_. ]?reply|do[-_. ]?not[-_. ]?reply|shared[-_. ]?mailbox`)

// isServiceAccount applies the default patterns to a local part or a name.
func isServiceAccount(text string) bool {
	s := strings.ToLower(text)
	for _, prefix := range []string{"svc", "sa", "system", "service account"} {
		if rest, ok := strings.CutPrefix(s, prefix); ok && (rest == "" || strings.ContainsAny(rest[:1], "-_.")) {
			return true
		}
	}
	if inside.MatchString(s) {
		return true
	}
	words := strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return slices.ContainsFunc(words, func(w string) bool {
		return w == "automation" || w == "automated" || w == "daemon" || w == "bot"
	})
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
