package publicnet_test

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/entrasync/entrasync/pkg/publicnet"
)

// refused are addresses of every kind that nobody on the public internet has.
var refused = []string{
	"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.8.9.10", "168.63.129.16",
	"169.254.169.254", "169.254.0.1", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1",
	"198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
	"::", "::1", "::ffff:8.8.8.8", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "100::1", "2001::1", "2001:10::1",
	"2001:20::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
	"fd00:ec2::254", // where a cloud answers with credentials
}

var taken = []string{"1.1.1.1", "8.8.8.8", "20.50.2.1", "100.128.0.1", "172.32.0.1", "192.167.255.255", "2606:4700::1111", "2a01:111:f400::1"}

// TestOnlyThePublicInternet asks by the address, at the dial and for an address that somebody named.
func TestOnlyThePublicInternet(t *testing.T) {
	t.Parallel()
	g, err := publicnet.New(nil)
	require.NoError(t, err)
	at := func(text string) string { return net.JoinHostPort(text, "443") }
	for _, text := range refused {
		require.False(t, publicnet.Public(netip.MustParseAddr(text)), text)
		require.ErrorIs(t, publicnet.Control(t.Context(), "tcp", at(text), nil), publicnet.ErrPrivate, text)
		_, err := g.Check("https://" + strings.ReplaceAll(at(text), "%", "%25"))
		require.Error(t, err, text)
		if text == "::ffff:8.8.8.8" {
			continue // the dialer would go to 8.8.8.8, which is no harm
		}
		_, err = g.Dial(t.Context(), "tcp", at(text))
		require.ErrorIs(t, err, publicnet.ErrPrivate, text)
	}
	require.False(t, publicnet.Public(netip.Addr{}))
	for _, text := range taken {
		require.True(t, publicnet.Public(netip.MustParseAddr(text)), text)
		require.NoError(t, publicnet.Control(t.Context(), "tcp", at(text), nil), text)
		u, err := g.Check("https://" + at(text))
		require.NoError(t, err, text)
		require.Equal(t, "https://"+at(text), u.String())
	}
	require.ErrorIs(t, publicnet.Control(t.Context(), "unix", "/run/docker.sock", nil), publicnet.ErrPrivate)
}

func TestAPortIsOne(t *testing.T) {
	t.Parallel()
	g, err := publicnet.New(nil)
	require.NoError(t, err)
	for _, port := range []string{"0", "00", "65536", "99999", "99999999999999999999"} {
		_, err := g.Check("https://host.example:" + port + "/")
		require.ErrorContains(t, err, "port", port)
	}
	for _, port := range []string{"1", "443", "65535"} {
		_, err := g.Check("https://host.example:" + port + "/")
		require.NoError(t, err, port)
	}
}
