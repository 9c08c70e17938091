package egress

import (
	"context"
	"crypto"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/fingerprint"
	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
	"github.com/pion/srtp/v3"
)

const (
	// handshakesPerCore is how many handshakes are worked on at a time. The first hellos of the others wait,
	// which is better than a thousand that all become so slow that their clients begin anew.
	handshakesPerCore = 4
	// handshakeTurn is how long one may hold its place: a client that is slow or silent does not keep others
	// from connecting.
	handshakeTurn = 500 * time.Millisecond
	// handshakeLimit ends a handshake that does not get on.
	handshakeLimit = 10 * time.Second
	// flightKept is how long the last flight is kept to be sent again to a client that has not got it, flightSent
	// how often. The first SRTCP packet that he has sealed shows that he has.
	flightKept = 10 * time.Second
	flightSent = 10
	// replayWindow is how many SRTCP packets back a repeated one is known (RFC 3711 section 3.3.2).
	replayWindow = 64
)

// srtpProfiles are best first: AES-GCM costs a third of AES-CM with SHA-1.
var srtpProfiles = []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80}

// identity is the server's certificate, made anew for each process and never stored.
type identity struct {
	certificate tls.Certificate
	fingerprint string // as SDP wants it
}

func newIdentity() (identity, error) {
	c, err := selfsign.GenerateSelfSigned()
	if err != nil {
		return identity{}, fmt.Errorf("make certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		return identity{}, fmt.Errorf("make certificate: %w", err)
	}
	sum, err := fingerprint.Fingerprint(leaf, crypto.SHA256)
	if err != nil {
		return identity{}, fmt.Errorf("make certificate: %w", err)
	}
	return identity{c, "sha-256 " + strings.ToUpper(sum)}, nil
}

// handshake takes a DTLS packet of an attendee. The first one begins the handshake.
func (s *Server) handshake(a *attendee, packet []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over {
		return
	}
	if a.open != nil {
		if packet[0] != contentAlert {
			a.repeat()
		} else if a.farewell.check(packet) == nil {
			s.running.Go(func() { s.end(a, "said goodbye") }) // takes locks that come before ours
		}
		return
	}
	if a.pipe == nil {
		p := newPipe(a)
		a.pipe = p
		s.running.Go(func() { s.secure(a, p) })
	}
	a.pipe.push(packet)
}

// repeat sends the last flight again. The caller holds a.mu.
func (a *attendee) repeat() {
	to := a.path.Load()
	if to == nil || a.repeats == 0 {
		return
	}
	a.repeats--
	for _, packet := range a.flight {
		_ = to.write(packet)
	}
}

// prove notes that the client has the keys.
func (a *attendee) prove() { a.flight, a.repeats = nil, 0 }

// secure is the attendee's only goroutine: it sees the handshake through, hands him to a worker, and ends.
func (s *Server) secure(a *attendee, p *pipe) {
	ctx, cancel := context.WithTimeout(context.Background(), handshakeLimit)
	defer cancel()
	select {
	case s.turns <- struct{}{}:
	case <-p.done:
		return
	case <-ctx.Done():
		s.end(a, "handshake: waited too long for its turn")
		return
	}
	free := sync.OnceFunc(func() { <-s.turns })
	late := time.AfterFunc(handshakeTurn, free)
	conn, err := s.shake(ctx, a, p)
	if err == nil {
		err = s.admit(a, conn, p.last())
	}
	p.mute.Store(true) // closing says goodbye, which is not meant
	if conn != nil {
		_ = conn.Close()
	}
	_ = p.Close()
	late.Stop()
	free()
	if err != nil {
		s.meters.handshakes.WithLabelValues("failed").Inc()
		s.end(a, "handshake: "+err.Error())
		return
	}
	s.meters.handshakes.WithLabelValues("done").Inc()
}

// shake does the handshake as the server, and checks that the client is the one whose offer came by HTTPS.
func (s *Server) shake(ctx context.Context, a *attendee, p *pipe) (*dtls.Conn, error) {
	conn, err := dtls.ServerWithOptions(p, p.remote(),
		dtls.WithCertificates(s.identity.certificate),
		dtls.WithCipherSuites(dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
			dtls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
		dtls.WithSRTPProtectionProfiles(srtpProfiles...),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithClientAuth(dtls.RequireAnyClientCert),
		dtls.WithInsecureSkipVerify(true), // certificates are self-signed: the fingerprint says whose it is
		dtls.WithVerifyPeerCertificate(func(raw [][]byte, _ [][]*x509.Certificate) error { return a.fingerprint.verify(raw) }),
		dtls.WithInsecureSkipVerifyHello(true), // the connectivity check has shown that the address is his
		dtls.WithLoggerFactory(quiet{}),
	)
	if err != nil {
		return nil, err
	}
	return conn, conn.HandshakeContext(ctx)
}

var errFingerprint = errors.New("the certificate is not the one in the offer")

// verify checks the client's certificate, the first one.
func (h hash) verify(raw [][]byte) error {
	if len(raw) == 0 {
		return errFingerprint
	}
	algorithm, err := fingerprint.HashFromString(h.algorithm)
	if err != nil {
		return err
	}
	sum := algorithm.New()
	_, _ = sum.Write(raw[0])
	if subtle.ConstantTimeCompare(sum.Sum(nil), h.sum) != 1 {
		return errFingerprint
	}
	return nil
}

// admit derives the keys and hands the attendee to the worker that has the fewest.
func (s *Server) admit(a *attendee, conn *dtls.Conn, flight [][]byte) error {
	selected, ok := conn.SelectedSRTPProtectionProfile()
	state, complete := conn.ConnectionState()
	if !ok || !complete {
		return errors.New("no SRTP profile in common")
	}
	profile := srtp.ProtectionProfile(selected)
	c := srtp.Config{Profile: profile}
	if err := c.ExtractSessionKeysFromDTLS(&state, false); err != nil {
		return fmt.Errorf("derive keys: %w", err)
	}
	seal, err := srtp.CreateContext(c.Keys.LocalMasterKey, c.Keys.LocalMasterSalt, profile)
	if err != nil {
		return fmt.Errorf("derive keys: %w", err)
	}
	open, err := srtp.CreateContext(c.Keys.RemoteMasterKey, c.Keys.RemoteMasterSalt, profile, srtp.SRTCPReplayProtection(replayWindow))
	if err != nil {
		return fmt.Errorf("derive keys: %w", err)
	}
	v := newViewer(a, seal, time.Now())
	w := s.leastLoaded()
	a.live(s.now())
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over {
		return ErrClosed
	}
	a.open, a.worker, a.viewer, a.pipe, a.farewell = open, w, v, nil, newFarewell(&state)
	a.flight, a.repeats = flight, flightSent
	w.load.Add(1)
	w.post(event{kind: joins, viewer: v})
	return nil
}
