package syncengine

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"github.com/entrasync/entrasync/pkg/text"
)

// Limits of an address, https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1,
// and of a field that one is looked for in.
const (
	maxLocalBytes   = 64
	maxAddressBytes = 254
	maxLabelBytes   = 63
	maxFieldOfOne   = 2048
)

// domainProfile turns a domain into lower-case ASCII. It is lenient about
// characters that only occur in names of hosts that directories do hold.
var domainProfile = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false))

// Address is an email address that was read from a field.
type Address struct {
	Shown string // as it was written, without what stood around it
	Norm  string // the form in which addresses are compared
}

// ReadAddress reads the one address that a field holds. What surrounds it goes:
// characters that cannot be seen, white space, "mailto:", one pair of angle
// brackets or of quotes, semicolons and commas at the end, and the name of
// "Name <address>". Typographic apostrophes become "'". problem says what is wrong
// with anything else, as the end of a sentence that begins with the field's name;
// it is empty when there is an address.
func ReadAddress(field string) (address Address, problem string) {
	if !utf8.ValidString(field) {
		return Address{}, "is not valid UTF-8"
	}
	if strings.IndexByte(field, 0) >= 0 {
		return Address{}, "has a NUL character"
	}
	if len(field) > maxFieldOfOne {
		return Address{}, "is longer than 254 bytes"
	}
	shown := field
	if isBare(field) {
		if normal, ok := bareAddress(field); ok {
			return Address{Shown: field, Norm: normal}, ""
		}
	} else if shown, problem = unwrapped(apostrophes.Replace(text.Normalise(field))); problem != "" {
		return Address{}, problem
	}
	normal, problem := normalAddress(shown)
	if problem != "" {
		return Address{}, problem
	}
	return Address{Shown: shown, Norm: normal}, ""
}

// isBare reports what most fields hold: nothing but letters, digits and signs that
// surround no address.
func isBare(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '-', c == '_', c == '+', c == '@':
		default:
			return false
		}
	}
	return true
}

// bareAddress is what normalAddress gives for a text that isBare; false where that one must look closer or
// say what is wrong.
func bareAddress(s string) (address string, ok bool) {
	address = strings.ToLower(s)
	local, domain, found := strings.Cut(address, "@")
	ok = found && local != "" && len(local) <= maxLocalBytes && len(address) <= maxAddressBytes &&
		!strings.ContainsAny(domain, "@+") && dotted(domain) && !strings.Contains(address, "xn--")
	return address, ok
}

// NormaliseAddress gives the form in which addresses are compared: lower-case, NFC,
// the domain in ASCII; false where the text holds no address or several. Plus signs
// and dots stay. It is idempotent.
func NormaliseAddress(raw string) (string, bool) {
	address, problem := ReadAddress(raw)
	return address.Norm, problem == ""
}

// apostrophes are what people and word processors write for "'".
var apostrophes = strings.NewReplacer("‘", "'", "’", "'", "‛", "'", "ʼ", "'", "＇", "'")

// quotePairs are quotes that are put around a whole address.
var quotePairs = []struct{ open, end string }{{`"`, `"`}, {"'", "'"}, {"“", "”"}, {"„", "“"}, {"„", "”"}, {"«", "»"}}

// unwrapped takes away what surrounds an address. Where there are two addresses the
// problem says so, since what is left of them would be neither.
func unwrapped(s string) (rest, problem string) {
	brackets, quotes := false, false
	for before := ""; before != s; {
		before = s
		s = strings.TrimRight(s, " ;,")
		s = strings.TrimLeft(s, " ")
		if len(s) >= len("mailto:") && strings.EqualFold(s[:len("mailto:")], "mailto:") {
			s, _, _ = strings.Cut(s[len("mailto:"):], "?") // a link may also say what to write
		}
		if inner, name, ok := bracketed(s); ok && !brackets {
			if strings.Contains(name, "@") && !sameAddress(name, inner) {
				return "", problemTwo
			}
			s, brackets = inner, true
		}
		if inner, ok := quoted(s); ok && !quotes {
			s, quotes = inner, true
		}
	}
	return s, ""
}

// bracketed splits "Name <address>"; the name may be empty.
func bracketed(s string) (address, name string, ok bool) {
	inside, ok := strings.CutSuffix(s, ">")
	open := strings.LastIndexByte(inside, '<')
	if !ok || open < 0 {
		return "", "", false
	}
	return inside[open+1:], strings.TrimSpace(inside[:open]), true
}

// sameAddress reports a name that is but the address once more, as mail programs
// write it.
func sameAddress(name, address string) bool {
	if inner, ok := quoted(name); ok {
		name = inner
	}
	a, problemA := normalAddress(name)
	b, problemB := normalAddress(strings.TrimSpace(address))
	return problemA == "" && problemB == "" && a == b
}

func quoted(s string) (inner string, ok bool) {
	for _, pair := range quotePairs {
		rest, opened := strings.CutPrefix(s, pair.open)
		if inner, closed := strings.CutSuffix(rest, pair.end); opened && closed {
			return inner, true
		}
	}
	return "", false
}

const problemTwo = "holds more than one address"

// normalAddress checks an address that nothing surrounds any more.
func normalAddress(s string) (address, problem string) {
	local, domain, found := strings.Cut(s, "@")
	switch {
	case !found:
		return "", "is not an address: it has no @"
	case strings.Contains(domain, "@"):
		return "", problemTwo
	case local == "":
		return "", "is not an address: nothing stands before the @"
	case domain == "":
		return "", "is not an address: nothing stands after the @"
	}
	if isPlain(s) {
		local = strings.ToLower(local)
	} else {
		local = norm.NFC.String(strings.ToLower(norm.NFC.String(local)))
	}
	if i := strings.IndexFunc(local, func(r rune) bool { return !inLocalPart(r) }); i >= 0 {
		r, _ := utf8.DecodeRuneInString(local[i:])
		return "", "is not an address: " + named(r) + " cannot stand before the @"
	}
	if domain, problem = normalDomain(domain); problem != "" {
		return "", problem
	}
	switch {
	case len(local) > maxLocalBytes:
		return "", "is not an address: more than 64 bytes stand before the @"
	case len(local)+1+len(domain) > maxAddressBytes:
		return "", "is longer than 254 bytes"
	}
	return local + "@" + domain, ""
}

// normalDomain gives the domain in lower-case ASCII.
func normalDomain(domain string) (ascii, problem string) {
	ascii = strings.ToLower(domain)
	if !isPlain(domain) {
		var err error
		if ascii, err = domainProfile.ToASCII(norm.NFC.String(domain)); err != nil {
			return "", "is not an address: what stands after the @ is not a domain"
		}
		// Some names map to labels that are refused, or map further, when they are
		// looked up themselves.
		if again, err := domainProfile.ToASCII(strings.ToLower(ascii)); err != nil || again != strings.ToLower(ascii) {
			return "", "is not an address: what stands after the @ is not a domain"
		}
		ascii = strings.ToLower(ascii)
		// Punycode can spell signs that no registry gives out, such as a quote.
		spelled, err := domainProfile.ToUnicode(ascii)
		if err != nil || strings.ContainsFunc(spelled, func(r rune) bool { return !inSpelledDomain(r) }) {
			return "", "is not an address: what stands after the @ is not a domain"
		}
	}
	if i := strings.IndexFunc(ascii, func(r rune) bool { return !inDomain(r) }); i >= 0 {
		r, _ := utf8.DecodeRuneInString(ascii[i:])
		return "", "is not an address: " + named(r) + " cannot stand in a domain"
	}
	if !dotted(ascii) {
		return "", "is not an address: the domain has no dot, or a part of it is empty or too long"
	}
	return ascii, ""
}

// inLocalPart reports what mail allows before the @ without quotes
// (https://www.rfc-editor.org/rfc/rfc5322#section-3.2.3 and, beyond ASCII,
// https://www.rfc-editor.org/rfc/rfc6531): letters and digits of every script.
func inLocalPart(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~.", r)
	}
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsNumber(r))
}

// inDomain reports what a domain in lower-case ASCII is made of. The underscore is
// no host's, and directories hold it all the same.
func inDomain(r rune) bool {
	return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '-' || r == '_' || r == '.'
}

// inSpelledDomain reports what a domain in Unicode is made of.
func inSpelledDomain(r rune) bool {
	return inDomain(r) || r >= utf8.RuneSelf && (text.Spells(r) || unicode.IsNumber(r) || r == text.Joiner || r == text.NonJoiner || r == '·')
}

// named is a character as it can be written in a message.
func named(r rune) string {
	switch {
	case r == ' ':
		return "a space"
	case r > ' ' && r < utf8.RuneSelf:
		return fmt.Sprintf("the character %c", r)
	}
	return fmt.Sprintf("the character U+%04X", r)
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
		if label == "" || len(label) > maxLabelBytes {
			return false
		}
		labels++
	}
	return labels > 1
}
