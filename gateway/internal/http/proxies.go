package http

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// forwardedFor is the header in which a proxy appends the address that called it.
const forwardedFor = "X-Forwarded-For"

// Proxies are the networks whose word is taken for the address that a request
// comes from. Without any, the peer's address counts.
type Proxies []netip.Prefix

// ParseProxies reads networks ("10.0.0.0/8") and single addresses ("192.0.2.7").
func ParseProxies(list []string) (Proxies, error) {
	var out Proxies
	for _, text := range list {
		text = strings.TrimSpace(text)
		if address, err := netip.ParseAddr(text); err == nil {
			address = address.Unmap()
			out = append(out, netip.PrefixFrom(address, address.BitLen()))
			continue
		}
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("trusted proxy %q is neither an address nor a network", text)
		}
		out = append(out, network.Masked())
	}
	return out, nil
}

// Client gives the IP address that a request comes from: the peer's or, behind
// trusted proxies, the last one of X-Forwarded-For that is none of theirs. What
// stands before it in the header anybody may have written.
func (p Proxies) Client(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	address, err := netip.ParseAddr(host)
	if err != nil || !p.trust(address) {
		return host
	}
	hops := strings.Split(strings.Join(r.Header.Values(forwardedFor), ","), ",")
	for _, hop := range slices.Backward(hops) {
		next, ok := parseHop(hop)
		if !ok {
			break
		}
		if address = next; !p.trust(address) {
			break
		}
	}
	return address.Unmap().String()
}

func (p Proxies) trust(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(address) })
}

// parseHop reads one address of the header; some proxies write the port with it.
func parseHop(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	if address, err := netip.ParseAddr(text); err == nil {
		return address, true
	}
	if pair, err := netip.ParseAddrPort(text); err == nil {
		return pair.Addr(), true
	}
	return netip.Addr{}, false
}
