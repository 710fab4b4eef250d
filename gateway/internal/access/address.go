package access

import "net/netip"

// networkBits is the part of an IPv6 address that one customer of a provider has
// as a rule; the rest a caller chooses at will.
const networkBits = 64

// Address is the key of an IP address: an IPv4 address itself, the /64 network of
// an IPv6 address, and what is no address as it stands.
func Address(remote string) string {
	address, err := netip.ParseAddr(remote)
	if err != nil {
		return remote
	}
	address = address.Unmap().WithZone("")
	if address.Is4() {
		return address.String()
	}
	network, err := address.Prefix(networkBits)
	if err != nil {
		return remote
	}
	return network.String()
}
