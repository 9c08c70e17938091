package loadtest

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/fingerprint"
	"github.com/pion/sdp/v3"
	"github.com/pion/srtp/v3"
	"github.com/pion/stun/v4"
)

// receiver is a light attendee: a socket of its own, a real handshake, and then a few counters. It asks again
// for what is lost, reports once a second, and checks the connection like a browser.
type receiver struct {
	conn     *net.UDPConn // connected to the server
	fd       int
	session  string
	ufrag    string        // of both sides, for our checks
	password string        // the server's
	own      string        // our password, for the checks of a server that is not ICE-lite
	seal     *srtp.Context // for our SRTCP
	open     *srtp.Context // for samples of what comes
	profile  string
	streams  [2]flow // picture, sound
	checked  time.Time
	reported time.Time
}

// answered is what we need of an answer.
type answered struct {
	ufrag, password string
	fingerprint     string
	shakes          bool // the server begins the handshake
	addr            netip.AddrPort
	ssrc, rtx       [2]uint32 // picture, sound
}

// parseAnswer reads a server's session description.
func parseAnswer(text string) (a answered, err error) {
	var d sdp.SessionDescription
	if err := d.UnmarshalString(text); err != nil {
		return a, err
	}
	first := func(key string) string {
		if v, ok := d.Attribute(key); ok {
			return v
		}
		for _, m := range d.MediaDescriptions {
			if v, ok := m.Attribute(key); ok {
				return v
			}
		}
		return ""
	}
	a.ufrag, a.password, a.fingerprint = first("ice-ufrag"), first("ice-pwd"), first("fingerprint")
	a.shakes = first("setup") == "active"
	for _, m := range d.MediaDescriptions {
		kind := 0
		if m.MediaName.Media == "audio" {
			kind = 1
		}
		for _, at := range m.Attributes {
			fields := strings.Fields(at.Value)
			switch {
			case at.Key == "ssrc" && a.ssrc[kind] == 0 && len(fields) > 0:
				n, _ := strconv.ParseUint(fields[0], 10, 32)
				a.ssrc[kind] = uint32(n)
			case at.Key == "ssrc-group" && len(fields) == 3 && fields[0] == "FID":
				n, _ := strconv.ParseUint(fields[2], 10, 32)
				a.rtx[kind] = uint32(n)
			case at.Key == "candidate" && len(fields) > 5 && strings.EqualFold(fields[2], "udp"):
				ip, err := netip.ParseAddr(fields[4])
				port, err2 := strconv.ParseUint(fields[5], 10, 16)
				if err == nil && err2 == nil && (!a.addr.IsValid() || ip.IsLoopback() && ip.Is4()) {
					a.addr = netip.AddrPortFrom(ip, uint16(port))
				}
			}
		}
	}
	if a.ufrag == "" || a.password == "" || !a.addr.IsValid() || a.ssrc[0] == 0 {
		return a, errors.New("the answer lacks ICE credentials, an address or the picture's SSRC")
	}
	return a, nil
}

// identity is the certificate that all receivers share: making one each would cost more than all else.
type identity struct {
	certificate tls.Certificate
	fingerprint string
}

// join makes a receiver and connects it.
func (c *crowd) joinOne(ctx context.Context) (r *receiver, err error) {
	ufrag, password := random(8), random(24)
	answer, session, err := exchange(ctx, c.whep, c.token, c.offer(ufrag, password))
	if err != nil {
		return nil, err
	}
	r = &receiver{session: session}
	defer func() {
		if err != nil {
			r.close()
			leave(session, c.token)
		}
	}()
	a, err := parseAnswer(answer)
	if err != nil {
		return r, err
	}
	if r.conn, err = net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(a.addr)); err != nil {
		return r, err
	}
	_ = r.conn.SetReadBuffer(1 << 20)
	r.ufrag, r.password, r.own = a.ufrag+":"+ufrag, a.password, password
	for i := range r.streams {
		r.streams[i].ssrc, r.streams[i].rtx = a.ssrc[i], a.rtx[i]
	}
	if err := r.connect(ctx); err != nil {
		return r, err
	}
	return r, r.handshake(ctx, c.identity, a)
}

// check sends a connectivity check that nominates this path.
func (r *receiver) check() error {
	m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(r.ufrag),
		stun.RawAttribute{Type: stun.AttrICEControlling, Value: make([]byte, 8)},
		stun.RawAttribute{Type: stun.AttrPriority, Value: []byte{0x6e, 0, 1, 0xff}},
		stun.RawAttribute{Type: stun.AttrUseCandidate}, stun.NewShortTermIntegrity(r.password), stun.Fingerprint)
	if err != nil {
		return err
	}
	r.checked = time.Now()
	_, err = r.conn.Write(m.Raw)
	return err
}

// answer answers a check of a server that is not ICE-lite, which sends until it has been answered. What is none is
// left alone.
func (r *receiver) answer(packet []byte) {
	m := &stun.Message{Raw: packet}
	if m.Decode() != nil || m.Type != stun.BindingRequest || stun.NewShortTermIntegrity(r.own).Check(m) != nil {
		return
	}
	to := r.conn.RemoteAddr().(*net.UDPAddr)
	said, err := stun.Build(stun.NewTransactionIDSetter(m.TransactionID), stun.BindingSuccess,
		&stun.XORMappedAddress{IP: to.IP, Port: to.Port}, stun.NewShortTermIntegrity(r.own), stun.Fingerprint)
	if err == nil {
		_, _ = r.conn.Write(said.Raw)
	}
}

// connect checks until the server answers.
func (r *receiver) connect(ctx context.Context) error {
	buffer := make([]byte, 1500)
	for range 20 {
		if err := r.check(); err != nil {
			return err
		}
		_ = r.conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
		n, err := r.conn.Read(buffer)
		if err == nil && stun.IsMessage(buffer[:n]) {
			m := &stun.Message{Raw: buffer[:n]}
			if m.Decode() == nil && m.Type == stun.BindingSuccess {
				return nil
			}
			r.answer(buffer[:n])
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return errors.New("no answer to connectivity checks")
}

// handshake exchanges keys and checks that the server is the one that has answered. In which role is the server's
// choice (RFC 8842 section 5.2).
func (r *receiver) handshake(ctx context.Context, id identity, a answered) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	pipe := newDTLSPipe(r)
	options := []dtls.Option{
		dtls.WithCertificates(id.certificate), dtls.WithInsecureSkipVerify(true),
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AES128_CM_HMAC_SHA1_80, dtls.SRTP_AEAD_AES_128_GCM), // Chrome's order
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithVerifyPeerCertificate(func(raw [][]byte, _ [][]*x509.Certificate) error { return verify(raw, a.fingerprint) }),
	}
	var conn *dtls.Conn
	var err error
	if a.shakes {
		as := []dtls.ServerOption{dtls.WithClientAuth(dtls.RequireAnyClientCert)}
		for _, o := range options {
			as = append(as, o)
		}
		conn, err = dtls.ServerWithOptions(pipe, r.conn.RemoteAddr(), as...)
	} else {
		as := []dtls.ClientOption{}
		for _, o := range options {
			as = append(as, o)
		}
		conn, err = dtls.ClientWithOptions(pipe, r.conn.RemoteAddr(), as...)
	}
	if err != nil {
		return err
	}
	if err := conn.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("DTLS: %w", err)
	}
	selected, _ := conn.SelectedSRTPProtectionProfile()
	state, ok := conn.ConnectionState()
	if !ok {
		return errors.New("DTLS: not connected")
	}
	profile := srtp.ProtectionProfile(selected)
	r.profile = profile.String()
	c := srtp.Config{Profile: profile}
	if err := c.ExtractSessionKeysFromDTLS(&state, !a.shakes); err != nil {
		return err
	}
	if r.seal, err = srtp.CreateContext(c.Keys.LocalMasterKey, c.Keys.LocalMasterSalt, profile); err != nil {
		return err
	}
	r.open, err = srtp.CreateContext(c.Keys.RemoteMasterKey, c.Keys.RemoteMasterSalt, profile)
	pipe.mute.Store(true)
	_ = conn.Close()
	return err
}

func verify(raw [][]byte, want string) error {
	name, sum, _ := strings.Cut(want, " ")
	algorithm, err := fingerprint.HashFromString(strings.ToLower(name))
	if err != nil || algorithm != crypto.SHA256 || len(raw) == 0 {
		return errors.New("the answer's fingerprint cannot be checked")
	}
	leaf, err := x509.ParseCertificate(raw[0])
	if err != nil {
		return err
	}
	got, err := fingerprint.Fingerprint(leaf, algorithm)
	if err != nil {
		return err
	}
	if !strings.EqualFold(got, strings.TrimSpace(sum)) {
		return errors.New("the server's certificate is not the one in the answer")
	}
	return nil
}

func (r *receiver) close() {
	if r.conn != nil {
		_ = r.conn.Close()
	}
}

// random returns so many hexadecimal digits.
func random(digits int) string {
	b := make([]byte, digits/2)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// offer is what a browser would offer to receive, without what does not matter here.
func (c *crowd) offer(ufrag, password string) string {
	var b strings.Builder
	b.WriteString("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n")
	section := func(mid, media, numbers, lines string) {
		fmt.Fprintf(&b, "m=%s 9 UDP/TLS/RTP/SAVPF %s\r\nc=IN IP4 0.0.0.0\r\na=mid:%s\r\na=recvonly\r\na=rtcp-mux\r\n", media, numbers, mid)
		fmt.Fprintf(&b, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:%s\r\na=setup:actpass\r\n%s", ufrag, password, c.identity.fingerprint, lines)
	}
	section("0", "video", "96 97", "a=rtpmap:96 H264/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 ccm fir\r\na=rtcp-fb:96 goog-remb\r\n"+
		"a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n")
	section("1", "audio", "111", "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n")
	return b.String()
}
