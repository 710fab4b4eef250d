package mapping

import (
	"fmt"
	"strings"
	"unicode"
)

// domainField is a field of a client that a domain is read from.
type domainField struct {
	name  string // as its sender sees it
	text  string
	kind  fieldKind
	first bool // it is not part of a list
}

type fieldKind int

const (
	webField   fieldKind = iota // a URL or a domain
	emailField                  // an address
)

// domainList is a field of a client that holds several domains.
type domainList struct {
	field string
	texts []string
}

func (c Client) domainLists() []domainList {
	return []domainList{{"alternativeDomains", c.AlternativeDomains}, {"emailDomains", c.EmailDomains}}
}

// domainFields are all fields of the client that domains are read from, each entry
// of a list for itself.
func (c Client) domainFields() []domainField {
	fields := []domainField{
		{name: "website", text: c.Website, first: true},
		{name: "domain", text: c.Domain, first: true},
		{name: "billingEmail", text: c.BillingEmail, kind: emailField, first: true},
	}
	for _, list := range c.domainLists() {
		for i, text := range list.texts {
			fields = append(fields, domainField{name: fmt.Sprintf("%s[%d]", list.field, i), text: text})
		}
	}
	return fields
}

// warning says why no domain can be read, as the end of a sentence that begins with
// the field's name; empty when one can, and where nothing or a placeholder for
// nothing stands.
func (f domainField) warning() string {
	if f.first && placeholders[strings.ToLower(f.text)] {
		return ""
	}
	if f.text == "" {
		return "is empty and matches nothing"
	}
	read := NormaliseDomain
	if f.kind == emailField {
		read = NormaliseEmailDomain
	}
	if _, ok := read(f.text); ok && !strings.ContainsFunc(f.text, unicode.IsControl) {
		return ""
	}
	if f.kind == emailField && !strings.Contains(f.text, "@") {
		return "is not an email address and matches nothing"
	}
	if several(f.text) {
		return "holds more than one domain and matches nothing: give one"
	}
	return "holds no domain and matches nothing"
}

// several reports a text that looks like a list.
func several(text string) bool {
	dotted := 0
	for _, part := range strings.FieldsFunc(text, isSeparator) {
		if strings.Contains(strings.Trim(part, "."), ".") {
			dotted++
		}
	}
	return dotted > 1
}

func isSeparator(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",;|", r) }

// placeholders are what people write where a website or a domain is asked for and
// there is none, in lower case. They are kept as they are and are no domain.
var placeholders = map[string]bool{
	"": true, "-": true, "--": true, "---": true, "–": true, "—": true, "/": true, ".": true, "?": true, "x": true, "n/a": true, "n.a.": true,
	"na": true, "none": true, "no": true, "nil": true, "null": true, "tbd": true, "tba": true, "unknown": true, "not available": true,
	"not applicable": true, "no website": true, "no domain": true,
}
