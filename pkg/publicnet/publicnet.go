// Package publicnet keeps connections to addresses that somebody else named out of
// the network that this process runs in.
package publicnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const dialTimeout = 10 * time.Second

// ErrPrivate says that an address is not one of the public internet.
var ErrPrivate = errors.New("not an address of the public internet")

// global is where public unicast addresses of IPv6 lie. All else there is loopback,
// link-local, private, multicast, IPv4-mapped or NAT64 of the well-known prefixes.
var global = netip.MustParsePrefix("2000::/3")

// special are the blocks that no host of the public internet has (IANA's
// registries of special-purpose addresses), or that lead to other addresses.
var special = prefixes(
	"0.0.0.0/8",         // this network
	"10.0.0.0/8",        // private
	"100.64.0.0/10",     // carrier-grade NAT
	"127.0.0.0/8",       // loopback
	"168.63.129.16/32",  // Azure's platform, public in name only
	"169.254.0.0/16",    // link-local, where clouds answer with credentials
	"172.16.0.0/12",     // private
	"192.0.0.0/24",      // protocol assignments
	"192.0.2.0/24",      // documentation
	"192.88.99.0/24",    // relays of 6to4
	"192.168.0.0/16",    // private
	"198.18.0.0/15",     // benchmarks
	"198.51.100.0/24",   // documentation
	"203.0.113.0/24",    // documentation
	"224.0.0.0/4",       // multicast
	"240.0.0.0/4",       // reserved, and broadcast
	"2001::/23",         // protocol assignments, Teredo among them
	"2001:db8::/32",     // documentation
	"2002::/16",         // 6to4: an IPv4 address stands inside
	"2620:4f:8000::/48", // AS112: answers come from wherever one stands
	"3fff::/20",         // documentation
)

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, 0, len(texts))
	for _, text := range texts {
		out = append(out, netip.MustParsePrefix(text))
	}
	return out
}

// Public reports whether an address is one of a host on the public internet.
func Public(address netip.Addr) bool {
	if !address.IsValid() || address.Zone() != "" || address.Is4In6() || (address.Is6() && !global.Contains(address)) {
		return false
	}
	return !slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(address) })
}

// Control refuses a connection by the address that it is about to be made to, after
// every resolution of names: whatever a name said before does not count.
func Control(_ context.Context, _, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !Public(at.Addr()) {
		return ErrPrivate
	}
	return nil
}

// Guard decides where a connection that somebody else named may go.
type Guard struct {
	Resolver *net.Resolver
	Control  func(ctx context.Context, network, address string, c syscall.RawConn) error

	allowed []string // host:port, exact, in lower case
}

// place is the form of an entry of the list of allowed ones.
var place = regexp.MustCompile(`\A(\[[0-9a-f:.]+\]|[a-z0-9.-]+):[0-9]{1,5}\z`)

// New makes a guard; allowed are places as host:port that may be reached although
// they are not of the public internet.
func New(allowed []string) (*Guard, error) {
	g := &Guard{Resolver: net.DefaultResolver, Control: Control}
	for _, entry := range allowed {
		entry = strings.ToLower(strings.TrimSpace(entry))
		if entry == "" {
			continue
		}
		if !place.MatchString(entry) {
			return nil, fmt.Errorf("%q is no host:port", entry)
		}
		g.allowed = append(g.allowed, entry)
	}
	return g, nil
}

// Dial makes a connection. Names are resolved for every one of them anew.
func (g *Guard) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: dialTimeout, Resolver: g.Resolver}
	if !slices.Contains(g.allowed, strings.ToLower(address)) {
		dialer.ControlContext = g.Control
	}
	return dialer.DialContext(ctx, network, address)
}

// hostForm is what a host is written with: ASCII, also Punycode.
var hostForm = regexp.MustCompile(`\A[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?\z`)

// Check reads an address that somebody else named: https, a host that is not on
// the inside by its looks, no credentials, no fragment. The name behind it is not
// resolved here: what counts is where a connection goes.
func (g *Guard) Check(raw string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil || u.Opaque != "" || u.Host == "" || u.Hostname() == "" {
		return nil, errors.New("is not an address")
	}
	port := u.Port()
	if port == "" && strings.HasSuffix(u.Host, ":") {
		return nil, errors.New("is not an address")
	}
	if port == "" {
		port = "443"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return nil, errors.New("has a port that is none")
	}
	host := strings.ToLower(u.Hostname())
	listed := slices.Contains(g.allowed, net.JoinHostPort(host, port))
	literal, notLiteral := netip.ParseAddr(host)
	switch {
	case u.User != nil:
		return nil, errors.New("must have no credentials")
	case u.Fragment != "", strings.Contains(raw, "#"):
		return nil, errors.New("must have no fragment")
	case u.Scheme != "https" && !(u.Scheme == "http" && listed && notLiteral == nil && literal.IsLoopback()):
		return nil, errors.New("must begin with https://")
	case notLiteral != nil && !hostForm.MatchString(host):
		return nil, errors.New("has a host name that is not ASCII")
	case notLiteral == nil && !listed && !Public(literal):
		return nil, errors.New("must be a public address")
	}
	u.Host = strings.ToLower(u.Host)
	return u, nil
}
