package syncengine

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// Limits of an address, https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.
const (
	maxLocalBytes   = 64
	maxAddressBytes = 254
)

// domainProfile turns a domain into lower-case ASCII. It is lenient about
// characters that only occur in names of hosts that directories do hold.
var domainProfile = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false))

// NormaliseAddress gives the form in which addresses are compared: trimmed, NFC,
// lower-case, the domain in ASCII; false for what is no address: not exactly one
// @, a local part over 64 bytes, a domain without a dot, over 254 bytes in all,
// or blanks and control characters anywhere. Plus signs and dots stay.
func NormaliseAddress(raw string) (string, bool) {
	raw = strings.TrimSpace(raw)
	if len(raw) > 4*maxAddressBytes || !utf8.ValidString(raw) {
		return "", false
	}
	local, domain, found := strings.Cut(raw, "@")
	if !found || local == "" || domain == "" || strings.Contains(domain, "@") {
		return "", false
	}
	if isPlain(raw) {
		local, domain = strings.ToLower(local), strings.ToLower(domain)
	} else {
		local = norm.NFC.String(strings.ToLower(norm.NFC.String(local)))
		ascii, err := domainProfile.ToASCII(norm.NFC.String(domain))
		if err != nil {
			return "", false
		}
		domain = strings.ToLower(ascii)
	}
	if len(local) > maxLocalBytes || len(local)+1+len(domain) > maxAddressBytes || !dotted(domain) || hasBlank(local) || hasBlank(domain) {
		return "", false
	}
	return local + "@" + domain, true
}

// isPlain reports text that needs neither Unicode normalisation nor IDNA.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return !strings.Contains(strings.ToLower(s), "xn--") // in any case
}

// dotted reports a domain of at least two labels, none of them empty or too long.
func dotted(domain string) bool {
	labels := 0
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		labels++
	}
	return labels > 1
}

func hasBlank(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || r == '@' || r == utf8.RuneError
	})
}
