package sfu

import (
	"errors"
	"net"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"
)

// tcpQueue is how many packets of one TCP connection may wait to be read, and tcpBuffer how many bytes may wait to
// be written to it before it is given up.
const (
	tcpQueue  = 64
	tcpBuffer = 1 << 20
)

// shareMux makes one multiplexer of sockets that somebody else reads: each gives what is not his own.
func shareMux(ports []net.PacketConn) ice.UDPMux {
	muxes := make([]ice.UDPMux, 0, len(ports))
	for _, conn := range ports {
		muxes = append(muxes, ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: conn, Logger: logger{}}))
	}
	if len(muxes) == 1 {
		return muxes[0]
	}
	return ice.NewMultiUDPMuxDefault(muxes...)
}

// shareTCP does the same for ICE-TCP (RFC 6544); nil without listeners.
func shareTCP(listeners []net.Listener) ice.TCPMux {
	var muxes []ice.TCPMux
	for _, l := range listeners {
		muxes = append(muxes, ice.NewTCPMuxDefault(ice.TCPMuxParams{
			Listener: l, Logger: logger{}, ReadBufferSize: tcpQueue, WriteBufferSize: tcpBuffer,
		}))
	}
	switch len(muxes) {
	case 0:
		return nil
	case 1:
		return muxes[0]
	}
	return ice.NewMultiTCPMuxDefault(muxes...)
}

func networks(cfg Config) []webrtc.NetworkType {
	types := []webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6}
	if cfg.tcp != nil {
		types = append(types, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6)
	}
	return types
}

// closePorts closes the multiplexers, not the sockets of others beneath them.
func (s *Server) closePorts() error {
	err := s.mux.Close()
	if s.cfg.tcp != nil {
		err = errors.Join(err, s.cfg.tcp.Close())
	}
	return err
}
