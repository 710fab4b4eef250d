package quality

import (
	"fmt"
	"strings"

	"github.com/entrasync/entrasync/services/mapping/internal/mapping"
)

// hardNegatives are tenants that look like a client and may not be matched with
// one unless a person says so.
var hardNegatives = []struct {
	kind string
	make func(*world)
}{
	{"same name in another city", func(w *world) {
		c := w.company()
		w.client(c, "website")
		w.stranger("same name in another city", c.official(), w.domain(c))
	}},
	{"another top-level domain", func(w *world) {
		c := w.company()
		w.client(c, "website")
		w.stranger("another top-level domain", w.company().official(), strings.Split(c.domain, ".")[0]+".example")
	}},
	{"a domain that ends alike", func(w *world) {
		c := w.company()
		w.client(c, "domain")
		w.stranger("a domain that ends alike", w.company().official(), draw(w, []string{"the", "not", "my-", "e"})+c.domain)
	}},
	{"a domain below the client's", func(w *world) {
		c := w.company()
		w.client(c, "website")
		w.stranger("a domain below the client's", w.company().official(), draw(w, []string{"mail.", "branch.", "shop."})+c.domain)
	}},
	{"a domain above the client's", func(w *world) {
		c := w.company()
		above := c.domain
		c.domain = "office." + c.domain
		w.client(c, "email domain")
		w.stranger("a domain above the client's", w.company().official(), above)
	}},
	{"subsidiary of a client", func(w *world) {
		c := w.company()
		w.client(c, "website")
		w.stranger("subsidiary of a client", c.name(append(c.core, draw(w, c.at.cities)), c.at.forms[c.form][0]), w.domain(c))
	}},
	{"accountant of many", func(w *world) {
		accountant := w.company()
		for range 2 + w.random.IntN(4) {
			c := w.company()
			w.record(mapping.Client{Name: c.official(), Website: c.domain, BillingEmail: "inbox@" + accountant.domain})
		}
		w.stranger("accountant of many", accountant.official(), accountant.domain)
	}},
	{"accountant of one", func(w *world) {
		accountant, c := w.company(), w.company()
		w.record(mapping.Client{Name: c.official(), Website: c.domain, BillingEmail: "inbox@" + accountant.domain})
		w.stranger("accountant of one", accountant.official(), accountant.domain)
	}},
	{"mailbox provider", func(w *world) {
		c := w.company()
		provider := draw(w, []string{"gmail.com", "outlook.de", "yahoo.co.uk", "orange.fr", "libero.it", "seznam.cz", "qq.com", "mail.ru"})
		w.record(mapping.Client{Name: c.official(), Domain: provider, EmailDomains: []string{provider}})
		w.stranger("mailbox provider", w.company().official(), provider)
	}},
	{"onmicrosoft.com at a client", func(w *world) {
		c := w.company()
		name := fmt.Sprintf("shared%d.onmicrosoft.com", w.random.IntN(1000000))
		w.record(mapping.Client{Name: c.official(), Domain: name, EmailDomains: []string{"mail." + name}})
		w.stranger("onmicrosoft.com at a client", w.company().official(), name)
	}},
	{"registry of names", func(w *world) {
		c := w.company()
		registry := draw(w, []string{"co.uk", "com.br", "github.io", "uk.com", "azurewebsites.net"})
		w.record(mapping.Client{Name: c.official(), Website: "https://" + registry + "/" + latin(c.core[0])})
		w.stranger("registry of names", w.company().official(), registry)
	}},
	{"website behind another's address", func(w *world) {
		c := w.company()
		archive := draw(w, []string{"web.archive.org/web/2020/https://", "translate.example.org?u=http://", "redirect.example.org/#https://"})
		w.record(mapping.Client{Name: c.official(), Website: archive + "www." + c.domain})
		w.stranger("website behind another's address", w.company().official(), c.domain)
	}},
	{"client recorded twice", func(w *world) {
		c := w.company()
		first := w.client(c, "website")
		w.record(mapping.Client{Name: c.name(c.core, ""), Domain: c.domain})
		w.tenant(mapping.ManagedTenant{DisplayName: c.official(), PrimaryDomain: c.domain},
			pair{kind: "client recorded twice", client: first})
	}},
	{"parent and subsidiary with one domain", func(w *world) {
		parent, child := w.company(), w.company()
		id := w.record(mapping.Client{Name: parent.official(), Website: parent.domain, EmailDomains: []string{parent.domain}})
		w.record(mapping.Client{Name: child.official(), Website: child.domain, EmailDomains: []string{child.domain, parent.domain}})
		w.tenant(mapping.ManagedTenant{DisplayName: parent.official(), PrimaryDomain: parent.domain},
			pair{kind: "parent and subsidiary with one domain", client: id})
	}},
	{"imitation in another script", func(w *world) {
		c := w.company()
		domain := fmt.Sprintf("bank%d.com", w.random.IntN(1000000))
		w.record(mapping.Client{Name: c.official(), Domain: domain})
		w.stranger("imitation in another script", w.company().official(), strings.Replace(domain, "a", "а", 1)) // a Cyrillic letter
	}},
	{"umlaut and its spelling", func(w *world) {
		c := w.company()
		number := w.random.IntN(1000000)
		w.record(mapping.Client{Name: c.official(), Domain: fmt.Sprintf("müller%d.de", number)})
		w.stranger("umlaut and its spelling", w.company().official(), draw(w, []string{"mueller", "muller"})+fmt.Sprint(number)+".de")
	}},
	{"name of one letter", func(w *world) {
		letter := string(rune('A' + w.random.IntN(26)))
		w.record(mapping.Client{Name: letter + " Ltd"})
		w.stranger("name of one letter", letter+" Inc", "")
	}},
}

// stranger adds a tenant that is nobody's.
func (w *world) stranger(kind, name, domain string) {
	w.tenant(mapping.ManagedTenant{DisplayName: name, PrimaryDomain: domain}, pair{kind: kind})
}
