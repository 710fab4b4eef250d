// Package microsoft calls the Microsoft identity platform and Microsoft Graph over
// plain HTTP.
package microsoft

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// Endpoints are the base addresses that paths are appended to.
type Endpoints struct {
	Login string // https://login.microsoftonline.com
	Graph string // https://graph.microsoft.com
	// Partner is the Partner Center, https://api.partnercenter.microsoft.com;
	// empty: nothing is asked there.
	Partner string
}

// base reads a base address. Secrets travel there, so it must be https, except
// on this machine.
func base(name, raw string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(raw, "/"))
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("the %s address is not a URL", name)
	}
	switch {
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("the %s address must have no credentials, query or fragment", name)
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return u, nil
	}
	return nil, fmt.Errorf("the %s address must be https (http is taken for loopback hosts only)", name)
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}

// maxDeltaLink is the longest delta link, in bytes, that our contract takes back.
const maxDeltaLink = 16384

// sameHost checks a link that Graph sent: the token must not follow it elsewhere.
func (c *Client) sameHost(link string) (*url.URL, error) {
	u, err := url.Parse(link)
	if err != nil || u.Scheme != c.graph.Scheme || u.Host != c.graph.Host || u.User != nil || u.Opaque != "" ||
		!strings.HasPrefix(u.Path, c.graph.Path+"/") {
		return nil, errForeignLink
	}
	return u, nil
}

// within checks that a link leads on in a listing: the token must not be spent on
// what is none of it.
func (c *Client) within(listing *url.URL, link string) (*url.URL, error) {
	u, err := c.sameHost(link)
	if err != nil || !strings.EqualFold(listingPath(u), listingPath(listing)) {
		return nil, errForeignLink
	}
	return u, nil
}

// deltaLink checks a link that is to be followed at the next listing, both when it
// is given and when it comes back: by then Graph may have another address.
func (c *Client) deltaLink(link string) (*url.URL, error) {
	if len(link) > maxDeltaLink {
		return nil, errLongLink
	}
	return c.within(c.graphURL("/v1.0/users/delta", nil), link)
}

// listingPath is a path in one of the ways in which links of a listing write it: a
// function may have parentheses, and the namespace before its name.
func listingPath(u *url.URL) string {
	path := strings.TrimSuffix(u.EscapedPath(), "()")
	if before, whole := strings.CutSuffix(path, "/microsoft.graph.delta"); whole {
		return before + "/delta"
	}
	return path
}

var errCircle = errors.New("the next links lead in a circle")

// trail notices that the links of a listing lead in a circle, by Brent's method: it
// keeps one link, and a later one the longer the listing gets.
type trail struct {
	kept   [sha256.Size]byte
	length int // of what is followed until the next link is kept
	steps  int
}

// closes notes a link and tells whether it was there before; at the latest when a
// circle was gone round three times.
func (t *trail) closes(link *url.URL) bool {
	sum := sha256.Sum256([]byte(link.String()))
	if t.length > 0 && sum == t.kept {
		return true
	}
	if t.steps == t.length {
		t.kept, t.length, t.steps = sum, max(2*t.length, 1), 0
	}
	t.steps++
	return false
}

// nextPage is where a listing goes on, nil at its end. Links are followed whole.
func (c *Client) nextPage(so *trail, from *url.URL, link string) (*url.URL, error) {
	if link == "" {
		return nil, nil // the end is no error
	}
	next, err := c.within(from, link)
	if err != nil {
		return nil, err
	}
	if so.closes(from) || *next == *from {
		return nil, errCircle
	}
	return next, nil
}

// graphURL makes an address of Graph. A path begins with the version:
// "/v1.0/users"; what is put into it is escaped.
func (c *Client) graphURL(path string, query url.Values) *url.URL {
	u := *c.graph
	u.RawPath = u.EscapedPath() + path
	if plain, err := url.PathUnescape(path); err == nil {
		path = plain
	}
	u.Path += path
	// Graph's own examples write %20, not +, for a space.
	u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
	return &u
}

// tokenURL is the token endpoint of an authority: a tenant or "organizations".
func (c *Client) tokenURL(authority string) string {
	return c.login.String() + "/" + url.PathEscape(authority) + "/oauth2/v2.0/token"
}

func (c *Client) authorizeURL(authority string) string {
	return c.login.String() + "/" + url.PathEscape(authority) + "/oauth2/v2.0/authorize"
}
