package mapping

import (
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// toASCII maps a host name as browsers do before they look it up, and refuses
// what no host name has. The letters that older rules replaced ("ß", "ς", the
// joiners) stand for themselves.
var toASCII = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(true))

// NormaliseDomain gives the domain in a text such as a URL, an address or a
// plain domain: trimmed, in lower case, as ASCII, without scheme, user, port,
// path, leading "www." and trailing dot. False when there is none: it must have
// a dot, an IP address is no domain, and neither is a name that mixes scripts to
// look like another. It is idempotent.
func NormaliseDomain(text string) (string, bool) {
	host := hostOf(text)
	ascii, err := toASCII.ToASCII(host)
	if err != nil {
		return "", false
	}
	if ascii != host || strings.Contains(ascii, "xn--") {
		// Some texts map to labels that are refused, or map further, when they
		// are looked up themselves.
		if again, err := toASCII.ToASCII(ascii); err != nil || again != ascii {
			return "", false
		}
	}
	ascii = strings.TrimSuffix(ascii, ".")
	for {
		rest, www := strings.CutPrefix(ascii, "www.")
		if !www || !strings.Contains(rest, ".") || isRegistry(rest) {
			break
		}
		ascii = rest
	}
	if !wellFormed(ascii) || mixesScripts(ascii) {
		return "", false
	}
	return ascii, true
}

// hostOf is the part of a URL, an address or a domain that names the host.
func hostOf(text string) string {
	host := withoutScheme(strings.TrimSpace(text))
	if end := strings.IndexAny(host, `/?#\`); end >= 0 {
		host = host[:end]
	}
	at := strings.LastIndexByte(host, '@')
	if strings.ContainsFunc(host[:max(at, 0)], isSeparator) {
		return "" // a list, whose last entry is no more the one meant than the others
	}
	host = host[at+1:]
	if at := strings.LastIndexByte(host, ':'); at >= 0 && strings.Trim(host[at+1:], "0123456789") == "" {
		host = host[:at]
	}
	return strings.TrimSpace(host)
}

// withoutScheme takes the scheme from a URL. What stands before a later "://" is
// none: a path or a query may hold another URL, with another host.
func withoutScheme(url string) string {
	scheme, rest, _ := strings.Cut(url, "//")
	notOfScheme := func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '+' || r == '-')
	}
	if name, named := strings.CutSuffix(scheme, ":"); scheme == "" || named && !strings.ContainsFunc(name, notOfScheme) {
		return rest
	}
	return url
}

// wellFormed checks the lengths of RFC 1035, and that the last label is one that
// a registry can have: of letters alone, or punycode. So no IP address passes.
func wellFormed(domain string) bool {
	if len(domain) > 253 || !strings.Contains(domain, ".") {
		return false
	}
	label := ""
	for label = range strings.SplitSeq(domain, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
	}
	return strings.HasPrefix(label, "xn--") || !strings.ContainsFunc(label, func(r rune) bool { return !unicode.IsLetter(r) })
}

// NormaliseEmailDomain gives the domain of an email address: what stands after
// the last "@". False when there is none, or where two addresses stand.
func NormaliseEmailDomain(address string) (string, bool) {
	at := strings.LastIndexByte(address, '@')
	if at < 1 || strings.Contains(address[:at], "@") && strings.ContainsFunc(address[:at], isSeparator) {
		return "", false
	}
	return NormaliseDomain(address[at+1:])
}

// tenantSuffixes are the domains under which Microsoft gives every tenant a
// name, by cloud.
var tenantSuffixes = []string{
	"onmicrosoft.com", "onmicrosoft.us", "onmicrosoft.de", "onmschina.cn",
}

// Distinctive reports whether a normalised domain says whose it is: not one of a
// public mailbox provider, not one that Microsoft hands out, not a public suffix
// such as "co.uk" or "github.io", under which anyone can register a name.
func Distinctive(domain string) bool {
	for _, suffix := range tenantSuffixes {
		if domain == suffix || strings.HasSuffix(domain, "."+suffix) {
			return false
		}
	}
	if mailboxDomains[domain] {
		return false
	}
	suffix, _ := publicsuffix.PublicSuffix(domain)
	return suffix != domain
}

// isRegistry reports whether names are registered right below a domain, so that
// "www" there is a name like any other.
func isRegistry(domain string) bool {
	suffix, icann := publicsuffix.PublicSuffix(domain)
	return icann && suffix == domain
}
