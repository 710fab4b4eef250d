package mapping

import (
	_ "embed"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// toASCII maps a host name as browsers do before they look it up, and refuses
// what no host name has.
var toASCII = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(true))

// NormaliseDomain gives the domain in a text such as a URL, an address or a
// plain domain: trimmed, in lower case, as ASCII, without scheme, user, port,
// path, leading "www." and trailing dot. False when there is none: it must have
// a dot, and an IP address is no domain. It is idempotent.
func NormaliseDomain(text string) (string, bool) {
	host := strings.TrimSpace(text)
	if at := strings.Index(host, "://"); at >= 0 {
		host = host[at+len("://"):]
	}
	host = strings.TrimPrefix(host, "//")
	if end := strings.IndexAny(host, `/?#\`); end >= 0 {
		host = host[:end]
	}
	host = host[strings.LastIndexByte(host, '@')+1:]
	if at := strings.LastIndexByte(host, ':'); at >= 0 && strings.Trim(host[at+1:], "0123456789") == "" {
		host = host[:at]
	}
	ascii, err := toASCII.ToASCII(strings.TrimSpace(host))
	if err != nil {
		return "", false
	}
	// Some texts map to labels that are refused, or map further, when they are
	// looked up themselves.
	if again, err := toASCII.ToASCII(ascii); err != nil || again != ascii {
		return "", false
	}
	ascii = strings.TrimSuffix(ascii, ".")
	for {
		rest, www := strings.CutPrefix(ascii, "www.")
		if !www || !strings.Contains(rest, ".") || isPublicSuffix(rest) {
			break
		}
		ascii = rest
	}
	if !wellFormed(ascii) {
		return "", false
	}
	return ascii, true
}

// wellFormed checks the lengths of RFC 1035 and that it is no IP address.
func wellFormed(domain string) bool {
	labels := strings.Split(domain, ".")
	if len(labels) < 2 || len(domain) > 253 {
		return false
	}
	for _, label := range labels {
		if label == "" || len(label) > 63 {
			return false
		}
	}
	return strings.ContainsFunc(labels[len(labels)-1], unicode.IsLetter)
}

// NormaliseEmailDomain gives the domain of an email address: what stands after
// the last "@". False when there is none.
func NormaliseEmailDomain(address string) (string, bool) {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return "", false
	}
	return NormaliseDomain(address[at+1:])
}

//go:embed mailbox_domains.txt
var mailboxDomainList string

// mailboxDomains are domains at which anybody can have a mailbox.
var mailboxDomains = func() map[string]bool {
	domains := map[string]bool{}
	for line := range strings.Lines(mailboxDomainList) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			domains[line] = true
		}
	}
	return domains
}()

// tenantSuffixes are the domains under which Microsoft gives every tenant a
// name, by cloud.
var tenantSuffixes = []string{
	"onmicrosoft.com", "onmicrosoft.us", "onmicrosoft.de", "onmschina.cn", "partner.onmschina.cn",
}

// Distinctive reports whether a normalised domain says whose it is: not one of a
// public mailbox provider, not one that Microsoft hands out, not a public suffix
// such as "co.uk".
func Distinctive(domain string) bool {
	for _, suffix := range tenantSuffixes {
		if domain == suffix || strings.HasSuffix(domain, "."+suffix) {
			return false
		}
	}
	return !mailboxDomains[domain] && !isPublicSuffix(domain)
}

func isPublicSuffix(domain string) bool {
	suffix, icann := publicsuffix.PublicSuffix(domain)
	return icann && suffix == domain
}
