package graph

import (
	"crypto/sha256"
	"errors"
	"net/url"
	"strings"

	"github.com/entrasync/entrasync/services/connection/internal/microsoft"
)

// maxDeltaLink is the longest delta link, in bytes, that our contract takes back.
const maxDeltaLink = 16384

// sameHost checks a link that Graph sent: the token must not follow it elsewhere.
func (c *Client) sameHost(link string) (*url.URL, error) {
	u, err := url.Parse(link)
	if err != nil || u.Scheme != c.address.Scheme || u.Host != c.address.Host || u.User != nil || u.Opaque != "" ||
		!strings.HasPrefix(u.Path, c.address.Path+"/") {
		return nil, microsoft.ErrForeignLink
	}
	return u, nil
}

// within checks that a link leads on in a listing: the token must not be spent on
// what is none of it.
func (c *Client) within(listing *url.URL, link string) (*url.URL, error) {
	u, err := c.sameHost(link)
	if err != nil || !strings.EqualFold(listingPath(u), listingPath(listing)) {
		return nil, microsoft.ErrForeignLink
	}
	return u, nil
}

// deltaLink checks a link that is to be followed at the next listing, both when it
// is given and when it comes back: by then Graph may have another address.
func (c *Client) deltaLink(link string) (*url.URL, error) {
	if len(link) > maxDeltaLink {
		return nil, microsoft.ErrLongLink
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

// circleDetector notices that the links of a listing lead in a circle, by Brent's method: it
// keeps one link, and a later one the longer the listing gets.
type circleDetector struct {
	kept   [sha256.Size]byte
	length int // of what is followed until the next link is kept
	steps  int
}

// closes notes a link and reports whether it was there before; at the latest when a
// circle was gone round three times.
func (t *circleDetector) closes(link *url.URL) bool {
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
func (c *Client) nextPage(seen *circleDetector, from *url.URL, link string) (*url.URL, error) {
	if link == "" {
		return nil, nil // the end is no error
	}
	next, err := c.within(from, link)
	if err != nil {
		return nil, err
	}
	if seen.closes(from) || *next == *from {
		return nil, errCircle
	}
	return next, nil
}

// graphURL makes an address of Graph. A path begins with the version:
// "/v1.0/users"; what is put into it is escaped.
func (c *Client) graphURL(path string, query url.Values) *url.URL {
	u := *c.address
	u.RawPath = u.EscapedPath() + path
	if plain, err := url.PathUnescape(path); err == nil {
		path = plain
	}
	u.Path += path
	// Graph's own examples write %20, not +, for a space.
	u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
	return &u
}
