package sfu

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"
)

const (
	// socketBuffer holds a keyframe for each of some hundred attendees, in bytes.
	socketBuffer = 4 << 20
	// receiveMTU is the largest RTP packet taken, in bytes; Ethernet carries no larger one.
	receiveMTU = 1500

	iceDisconnected = 3 * time.Second
	iceKeepalive    = 2 * time.Second
	// publisherPatience is how long a publisher that went silent may come back by connectivity checks or
	// an ICE restart. An attendee opens a new session instead: it costs him less than us the waiting.
	publisherPatience = 2 * time.Minute
	attendeePatience  = 30 * time.Second

	// nackInterval is how often missing packets are asked for again: several times within ReorderWait.
	nackInterval = 30 * time.Millisecond
	nackTries    = 5
	// nackMemory is how many packets an attendee may ask for again, about two seconds of a 720p layer.
	nackMemory = 512
)

// openMux opens the UDP port that all peers share, or takes the one that was opened for them. An address without a
// host listens on every interface.
func openMux(cfg Config) (ice.UDPMux, error) {
	if len(cfg.Ports) > 0 {
		return shareMux(cfg.Ports), nil
	}
	address := cfg.UDPAddr
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("media address %q: %w", address, err)
	}
	if ip, err := netip.ParseAddr(host); host != "" && (err != nil || !ip.IsUnspecified()) {
		addr, err := net.ResolveUDPAddr("udp", address)
		if err != nil {
			return nil, fmt.Errorf("media address %q: %w", address, err)
		}
		conn, err := net.ListenUDP("udp", addr)
		if err != nil {
			return nil, fmt.Errorf("media address %q: %w", address, err)
		}
		_ = conn.SetReadBuffer(socketBuffer)
		_ = conn.SetWriteBuffer(socketBuffer)
		return ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: conn, Logger: logger{}}), nil
	}
	number, err := net.LookupPort("udp", port)
	if err != nil || number == 0 {
		return nil, fmt.Errorf("media address %q: give a port, or a host of which any port will do", address)
	}
	mux, err := ice.NewMultiUDPMuxFromPort(number, ice.UDPMuxFromPortWithLoopback(), ice.UDPMuxFromPortWithLogger(logger{}),
		ice.UDPMuxFromPortWithReadBufferSize(socketBuffer), ice.UDPMuxFromPortWithWriteBufferSize(socketBuffer))
	if err != nil {
		return nil, fmt.Errorf("media address %q: %w", address, err)
	}
	return mux, nil
}

// settings are what publishers and attendees have in common.
func settings(cfg Config, mux ice.UDPMux, patience time.Duration) (webrtc.SettingEngine, error) {
	e := webrtc.SettingEngine{LoggerFactory: loggers{cfg.Log}}
	e.SetLite(true)
	e.SetICEUDPMux(mux)
	if cfg.tcp != nil {
		e.SetICETCPMux(cfg.tcp)
	}
	e.SetIncludeLoopbackCandidate(true)
	e.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	e.SetNetworkTypes(networks(cfg))
	e.SetICETimeouts(iceDisconnected, patience, iceKeepalive)
	e.SetReceiveMTU(receiveMTU)
	// As DTLS server we choose: AES-GCM costs a third of AES-CM with SHA-1, which a browser would choose.
	e.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80)
	if err := e.SetAnsweringDTLSRole(webrtc.DTLSRoleServer); err != nil {
		return e, err
	}
	if len(cfg.AdvertiseIPs) == 0 {
		return e, nil
	}
	return e, e.SetICEAddressRewriteRules(webrtc.ICEAddressRewriteRule{
		External:        cfg.AdvertiseIPs,
		AsCandidateType: webrtc.ICECandidateTypeHost,
		Mode:            webrtc.ICEAddressRewriteAppend,
	})
}

// publisherAPI makes the peers that send to us: we ask for lost packets, report on reception, and give
// the transport-wide feedback by which a browser finds out what its uplink carries.
func publisherAPI(cfg Config, mux ice.UDPMux) (*webrtc.API, error) {
	e, err := settings(cfg, mux, publisherPatience)
	if err != nil {
		return nil, err
	}
	m := &webrtc.MediaEngine{}
	if err := registerCodecs(m, true); err != nil {
		return nil, err
	}
	if err := webrtc.ConfigureSimulcastExtensionHeaders(m); err != nil {
		return nil, err
	}
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		if err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: transportCC}, kind); err != nil {
			return nil, err
		}
	}
	if err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: audioLevel}, webrtc.RTPCodecTypeAudio); err != nil {
		return nil, err
	}
	asks, err := nack.NewGeneratorInterceptor(nack.GeneratorInterval(nackInterval), nack.GeneratorMaxNacksPerPacket(nackTries),
		nack.WithGeneratorLoggerFactory(loggers{cfg.Log}))
	if err != nil {
		return nil, err
	}
	reports, err := report.NewReceiverInterceptor(report.WithReceiverLoggerFactory(loggers{cfg.Log}))
	if err != nil {
		return nil, err
	}
	feedback, err := twcc.NewSenderInterceptor(twcc.WithLoggerFactory(loggers{cfg.Log}))
	if err != nil {
		return nil, err
	}
	return newAPI(e, m, asks, reports, feedback), nil
}

// attendeeAPI makes the peers that receive from us: lost packets are sent again from memory. Sender reports
// are the publisher's own, rewritten, so that sound and picture stay together.
func attendeeAPI(cfg Config, mux ice.UDPMux) (*webrtc.API, error) {
	e, err := settings(cfg, mux, attendeePatience)
	if err != nil {
		return nil, err
	}
	m := &webrtc.MediaEngine{}
	if err := registerCodecs(m, false); err != nil {
		return nil, err
	}
	// Payloads are shared by all attendees and never change, so they need no copy.
	again, err := nack.NewResponderInterceptor(nack.ResponderSize(nackMemory), nack.DisableCopy(),
		nack.WithResponderLoggerFactory(loggers{cfg.Log}))
	if err != nil {
		return nil, err
	}
	return newAPI(e, m, again), nil
}

func newAPI(e webrtc.SettingEngine, m *webrtc.MediaEngine, factories ...interceptor.Factory) *webrtc.API {
	r := &interceptor.Registry{}
	for _, f := range factories {
		r.Add(f)
	}
	return webrtc.NewAPI(webrtc.WithSettingEngine(e), webrtc.WithMediaEngine(m), webrtc.WithInterceptorRegistry(r))
}

// loggers hands pion's warnings and errors on at debug level: they may hold addresses of persons, and
// what matters of them shows in the state of the session.
type loggers struct{ log *slog.Logger }

func (l loggers) NewLogger(scope string) logging.LeveledLogger {
	if l.log == nil {
		return logger{}
	}
	return logger{l.log.With("scope", "pion/"+scope)}
}

type logger struct{ log *slog.Logger }

func (l logger) write(text string) {
	if l.log != nil {
		l.log.Log(context.Background(), slog.LevelDebug, strings.TrimSpace(text))
	}
}

func (logger) Trace(string)                {}
func (logger) Tracef(string, ...any)       {}
func (logger) Debug(string)                {}
func (logger) Debugf(string, ...any)       {}
func (logger) Info(string)                 {}
func (logger) Infof(string, ...any)        {}
func (l logger) Warn(s string)             { l.write(s) }
func (l logger) Warnf(s string, a ...any)  { l.write(fmt.Sprintf(s, a...)) }
func (l logger) Error(s string)            { l.write(s) }
func (l logger) Errorf(s string, a ...any) { l.write(fmt.Sprintf(s, a...)) }
