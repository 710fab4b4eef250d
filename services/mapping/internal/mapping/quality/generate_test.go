package quality

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
)

// share is how often something is drawn, beside the others of its list.
type share struct {
	kind   string
	weight int
}

// How a tenant's name differs from its client's, and what else ties them. The
// shares are those that one meets in the books of service providers; they were
// set down before the first measurement and are not fitted to the matchers: an
// acronym without a domain is in the set although no likeness finds it.
var (
	differences = []share{
		{"same", 17},
		{"form dropped", 18},
		{"form written otherwise", 12},
		{"shortened words", 6},
		{"accents dropped", 7},
		{"case, punctuation, spaces", 9},
		{"order of words", 4},
		{"typing error", 8},
		{"ampersand", 5},
		{"city added", 5},
		{"trade left out", 4},
		{"acronym", 2},
		{"rebranded", 3},
	}
	ties = []share{
		{"website", 36},
		{"domain", 12},
		{"email domain", 12},
		{"alternative domain", 7},
		{"billing address", 5},
		{"mailbox customer", 8},
		{"onmicrosoft only", 10},
		{"no domain known", 10},
	}
)

// nameAlone are the ties by which nothing but the name tells whose a tenant is.
var nameAlone = []string{"mailbox customer", "onmicrosoft only", "no domain known"}

// pair is a managed tenant and what is true of it.
type pair struct {
	tenant mapping.ManagedTenant
	kind   string // the difference of the names, or the trap
	tie    string // what else ties it to its client; empty for traps
	client string // the right one; empty when it has none
	auto   bool   // whether it may be matched without a person
}

// world is an MSP: its clients, and the tenants whose clients are known.
type world struct {
	random  *rand.Rand
	clients []mapping.Client
	pairs   []pair
	taken   map[string]bool // names and domains that are given away
}

// company is somebody's customer.
type company struct {
	at     locale
	core   []string // the words of its name, without the legal form
	trade  string   // the last of them, where it is a trade
	form   int      // of the locale's
	domain string
}

// newWorld makes the same world for the same seed: pairs of tenants and clients,
// tenants that no client may be given to, and clients without a tenant.
func newWorld(seed uint64, pairs, traps, others int) *world {
	w := &world{random: rand.New(rand.NewPCG(seed, 20)), taken: map[string]bool{}}
	for range others {
		w.client(w.company(), "website")
	}
	for range pairs {
		w.pair()
	}
	for i := range traps {
		hardNegatives[i%len(hardNegatives)].make(w)
	}
	return w
}

func draw[T any](w *world, from []T) T { return from[w.random.IntN(len(from))] }

func (w *world) share(of []share) string {
	total := 0
	for _, s := range of {
		total += s.weight
	}
	at := w.random.IntN(total)
	for _, s := range of {
		if at -= s.weight; at < 0 {
			return s.kind
		}
	}
	return ""
}

// company founds a company whose name and domain nobody has yet.
func (w *world) company() company {
	for {
		l := draw(w, locales)
		c := company{at: l, form: w.random.IntN(len(l.forms)), trade: draw(w, l.trades)}
		switch pattern := w.random.IntN(10); {
		case pattern < 4:
			c.core = []string{draw(w, l.people), c.trade}
		case pattern < 6 && !l.joined:
			c.core = []string{draw(w, l.people), "&", draw(w, l.people), c.trade}
		case pattern < 7:
			c.core = []string{draw(w, l.standing), draw(w, l.people), c.trade}
		case pattern < 8:
			c.core = []string{draw(w, l.cities), c.trade}
		case pattern < 9 && l.latin == "":
			c.core = []string{w.initials(), c.trade}
		default:
			c.core = []string{draw(w, l.people), draw(w, l.trades), c.trade}
		}
		name := strings.ToLower(strings.Join(c.core, " "))
		if !w.taken[name] {
			w.taken[name] = true
			c.domain = w.domain(c)
			return c
		}
	}
}

func (w *world) initials() string {
	letters := ""
	for range 3 {
		letters += string(rune('A' + w.random.IntN(26)))
	}
	return letters
}

// domain registers a domain for a company.
func (w *world) domain(c company) string {
	slug := c.at.latin
	if slug == "" {
		for _, word := range c.core {
			slug += latin(word)
		}
		if w.random.IntN(2) == 0 {
			slug = latin(c.core[0])
		}
	}
	for number := 0; ; number++ {
		name := slug
		if number > 0 || c.at.latin != "" {
			name += fmt.Sprint(w.random.IntN(100000))
		}
		domain := name + "." + draw(w, c.at.tlds)
		if !w.taken[domain] {
			w.taken[domain] = true
			return domain
		}
	}
}

// latin is a word as it stands in a domain.
func latin(word string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return r
		}
		return -1
	}, unaccented(word)))
}

// unaccented writes a word as people do whose keyboard has no accents.
func unaccented(word string) string {
	word = strings.NewReplacer("ß", "ss", "ø", "o", "Ø", "O", "æ", "ae", "Æ", "Ae", "ł", "l", "Ł", "L", "ı", "i", "đ", "d").Replace(word)
	return norm.NFC.String(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(word)))
}

// name writes a company's name with a spelling of its legal form.
func (c company) name(core []string, form string) string {
	gap := " "
	if c.at.joined {
		gap = ""
	}
	name := strings.Join(core, gap)
	if form == "" {
		return name
	}
	if c.at.before {
		return form + gap + name
	}
	return name + gap + form
}

func (c company) official() string { return c.name(c.core, c.at.forms[c.form][0]) }

// pair adds a client and its tenant.
func (w *world) pair() {
	c, difference, tie := w.company(), w.share(differences), w.share(ties)
	for difference == "rebranded" && slices.Contains(nameAlone, tie) {
		tie = w.share(ties) // nobody could tell that it is the same company
	}
	id := w.client(c, tie)
	tenant := mapping.ManagedTenant{DisplayName: w.renamed(c, difference), PrimaryDomain: c.domain}
	if tie == "onmicrosoft only" || tie == "mailbox customer" {
		tenant.PrimaryDomain = ""
	}
	w.tenant(tenant, pair{kind: difference, tie: tie, client: id, auto: true})
}

// tenant adds a managed tenant with the name that Microsoft gives it, and its
// label.
func (w *world) tenant(t mapping.ManagedTenant, label pair) {
	t.ID = fmt.Sprintf("t%05d", len(w.pairs))
	t.State = "active"
	t.Domains = []string{fmt.Sprintf("tenant%d.onmicrosoft.com", len(w.pairs))}
	if t.PrimaryDomain == "" {
		t.PrimaryDomain = t.Domains[0]
	} else {
		t.Domains = append(t.Domains, t.PrimaryDomain)
	}
	label.tenant = t
	w.pairs = append(w.pairs, label)
}

// client adds a client as the host keeps it.
func (w *world) client(c company, tie string) string {
	client := mapping.Client{Name: c.official()}
	switch tie {
	case "website":
		client.Website = draw(w, []string{"https://www.%s/", "http://%s", "www.%s", "https://%s/en/contact?from=crm", "HTTPS://WWW.%s:443"})
		client.Website = fmt.Sprintf(client.Website, c.domain)
	case "domain":
		client.Domain = c.domain
	case "email domain":
		client.Website, client.EmailDomains = "https://www.facebook.com/"+latin(c.core[0]), []string{c.domain}
	case "alternative domain":
		client.Domain, client.AlternativeDomains = w.domain(c), []string{c.domain}
	case "billing address":
		client.BillingEmail = "accounts@" + c.domain
	case "mailbox customer":
		client.BillingEmail = latin(c.core[0]) + draw(w, []string{"@gmail.com", "@outlook.com", "@t-online.de", "@yahoo.com", "@btinternet.com"})
	case "onmicrosoft only":
		client.Website = "https://" + c.domain
	}
	return w.record(client)
}

func (w *world) record(client mapping.Client) string {
	client.ID = fmt.Sprintf("c%05d", len(w.clients))
	w.clients = append(w.clients, client)
	return client.ID
}

// renamed is the name of a company's tenant.
func (w *world) renamed(c company, difference string) string {
	forms := c.at.forms[c.form]
	core := append([]string(nil), c.core...)
	form := forms[0]
	switch difference {
	case "form dropped":
		form = ""
	case "form written otherwise":
		form = forms[len(forms)-1-w.random.IntN(max(len(forms)-1, 1))]
	case "shortened words":
		for i, word := range core {
			parts := strings.Fields(word)
			for j := range parts {
				if short := shortenings[parts[j]]; short != "" {
					parts[j] = short
				}
			}
			core[i] = strings.Join(parts, " ")
		}
		form = draw(w, append(forms, ""))
	case "accents dropped":
		return unaccented(c.name(core, draw(w, append(forms, ""))))
	case "case, punctuation, spaces":
		return w.untidy(c.name(core, form))
	case "order of words":
		core = append(core[1:len(core):len(core)], core[0])
		form = ""
	case "typing error":
		return w.mistyped(c.name(core, draw(w, []string{form, ""})))
	case "ampersand":
		for i, word := range core {
			if word == "&" {
				core[i] = draw(w, []string{"+", c.at.and, "&"})
			}
		}
	case "city added":
		return c.name(core, form) + draw(w, []string{" - ", ", ", " "}) + draw(w, c.at.cities)
	case "trade left out":
		core = core[:len(core)-1]
	case "acronym":
		acronym := ""
		for _, word := range strings.Fields(strings.Join(core, " ")) {
			if r := []rune(word)[0]; unicode.IsLetter(r) {
				acronym += string(unicode.ToUpper(r))
			}
		}
		core = []string{acronym}
	case "rebranded":
		return w.company().official()
	}
	return c.name(core, form)
}

// untidy writes a name as it comes out of some form or register.
func (w *world) untidy(name string) string {
	switch w.random.IntN(5) {
	case 0:
		return strings.ToUpper(name)
	case 1:
		return strings.ToLower(name)
	case 2:
		return "  " + strings.ReplaceAll(name, " ", "  ") + " "
	case 3:
		return strings.Map(func(r rune) rune { // full-width forms
			if r > ' ' && r < unicode.MaxASCII {
				return r + 0xFEE0
			}
			return r
		}, name)
	default:
		return strings.ReplaceAll(strings.ReplaceAll(name, ".", ""), " ", "-")
	}
}

// mistyped makes one error of a hasty typist.
func (w *world) mistyped(name string) string {
	runes := []rune(name)
	at := w.random.IntN(len(runes) - 1)
	switch w.random.IntN(3) {
	case 0:
		runes[at], runes[at+1] = runes[at+1], runes[at]
	case 1:
		runes = append(runes[:at], runes[at+1:]...)
	default:
		runes = append(runes[:at+1], runes[at:]...)
	}
	return string(runes)
}
