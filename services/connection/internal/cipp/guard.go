// Package cipp reads directories through a partner's own CIPP
// (https://docs.cipp.app), over plain HTTP. Where that is, the partner says: so
// nothing here may reach inside the network that this process runs in.
package cipp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/entrasync/entrasync/pkg/errs"
	"github.com/entrasync/entrasync/services/connection/internal/connection"
)

// errPrivate says that an address is not one of the public internet.
var errPrivate = errors.New("not an address of the public internet")

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

// public tells whether an address is one of a host on the public internet.
func public(address netip.Addr) bool {
	if !address.IsValid() || address.Zone() != "" || address.Is4In6() || (address.Is6() && !global.Contains(address)) {
		return false
	}
	return !slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(address) })
}

// control refuses a connection by the address that it is about to be made to, after
// every resolution of names: whatever a name said before does not count.
func control(_ context.Context, _, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !public(at.Addr()) {
		return errPrivate
	}
	return nil
}

// guard decides where CIPP may be.
type guard struct {
	allowed  []string // host:port, exact, in lower case
	resolver *net.Resolver
	control  func(ctx context.Context, network, address string, c syscall.RawConn) error
}

// place is the form of an entry of the list of allowed ones.
var place = regexp.MustCompile(`\A(\[[0-9a-f:.]+\]|[a-z0-9.-]+):[0-9]{1,5}\z`)

func newGuard(allowed []string) (*guard, error) {
	g := &guard{resolver: net.DefaultResolver, control: control}
	for _, entry := range allowed {
		entry = strings.ToLower(strings.TrimSpace(entry))
		if entry == "" {
			continue
		}
		if !place.MatchString(entry) {
			return nil, fmt.Errorf("%q is no host:port where a CIPP may be", entry)
		}
		g.allowed = append(g.allowed, entry)
	}
	return g, nil
}

// dial makes a connection. Names are resolved for every one of them anew.
func (g *guard) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: dialTimeout, Resolver: g.resolver}
	if !slices.Contains(g.allowed, strings.ToLower(address)) {
		dialer.ControlContext = g.control
	}
	return dialer.DialContext(ctx, network, address)
}

// hostForm is what a host is written with: ASCII, also Punycode.
var hostForm = regexp.MustCompile(`\A[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?\z`)

// checkBaseURL reads the address of a CIPP. The name behind it is not resolved
// here: what counts is where a connection goes.
func (g *guard) checkBaseURL(raw string) (*url.URL, error) {
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
	host := strings.ToLower(u.Hostname())
	listed := slices.Contains(g.allowed, net.JoinHostPort(host, port))
	literal, notLiteral := netip.ParseAddr(host)
	switch {
	case u.User != nil:
		return nil, errors.New("must have no credentials")
	case u.RawQuery != "", u.ForceQuery, u.Fragment != "", strings.Contains(raw, "#"):
		return nil, errors.New("must have no query or fragment")
	case u.Scheme != "https" && !(u.Scheme == "http" && listed && notLiteral == nil && literal.IsLoopback()):
		return nil, errors.New("must begin with https://")
	case notLiteral != nil && !hostForm.MatchString(host):
		return nil, errors.New("has a host name that is not ASCII")
	case notLiteral == nil && !listed && !public(literal):
		return nil, errors.New("must be a public address")
	case u.RawPath != "" || (u.Path != "" && u.Path != "/" && path.Clean(u.Path) != strings.TrimRight(u.Path, "/")):
		return nil, errors.New("has a path that is not plain")
	}
	u.Host, u.Path = strings.ToLower(u.Host), strings.TrimRight(u.Path, "/")
	return u, nil
}

// refuseBaseURL is the error about an address that nothing is asked at.
func refuseBaseURL(why error) error {
	return errs.New(errs.Invalid, connection.ReasonBaseURLRefused, "Nothing is asked at this address.",
		errs.WithViolation("baseUrl", why.Error()))
}
