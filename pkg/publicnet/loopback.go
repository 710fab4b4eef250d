package publicnet

import "net"

// Loopback reports whether a host, a name or an address without its port, is this machine by its
// looks. What travels to it leaves the machine for nobody to read, so it needs no TLS.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
