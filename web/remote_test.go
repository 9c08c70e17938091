package web

import (
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestOnlyOurProxiesSayWhoIsBehindThem(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for _, tc := range []struct {
		name, peer, forwarded, want string
	}{
		{"a stranger is not believed", "203.0.113.9:1234", "198.51.100.1", "203.0.113.9"},
		{"our proxy is", "10.1.2.3:1234", "198.51.100.1", "198.51.100.1"},
		{"what a client wrote before is not", "10.1.2.3:1234", "1.1.1.1, 198.51.100.1", "198.51.100.1"},
		{"two of our proxies", "10.1.2.3:1234", "198.51.100.1, 10.9.9.9", "198.51.100.1"},
		{"nonsense ends the chain", "10.1.2.3:1234", "198.51.100.1, unknown, 10.9.9.9", "10.9.9.9"},
		{"no header", "10.1.2.3:1234", "", "10.1.2.3"},
		{"mapped addresses are IPv4", "[::ffff:203.0.113.9]:1", "", "203.0.113.9"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = tc.peer
		if tc.forwarded != "" {
			r.Header.Set("X-Forwarded-For", tc.forwarded)
		}
		if got := clientAddr(r, proxies); got.String() != tc.want {
			t.Errorf("%s: got %s, want %s", tc.name, got, tc.want)
		}
	}
}

func TestNetworkIsWhatOnePersonCanHave(t *testing.T) {
	for addr, want := range map[string]string{
		"203.0.113.9": "203.0.113.0/24", "2001:db8:1:2::3": "2001:db8:1::/48",
	} {
		if got := network(netip.MustParseAddr(addr)).String(); got != want {
			t.Errorf("%s: got %s, want %s", addr, got, want)
		}
	}
}
