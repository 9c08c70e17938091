package loadtest

import (
	"net"
	"sync/atomic"
	"time"
)

// dtlsPipe shows the DTLS packets of a receiver's socket, has it answer checks meanwhile, and leaves the socket open
// when it is closed.
type dtlsPipe struct {
	conn   *net.UDPConn
	answer func(packet []byte)
	mute   atomic.Bool
}

func newDTLSPipe(r *receiver) *dtlsPipe {
	_ = r.conn.SetReadDeadline(time.Time{})
	return &dtlsPipe{conn: r.conn, answer: r.answer}
}

func (p *dtlsPipe) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, err := p.conn.Read(b)
		if err != nil {
			return 0, nil, err
		}
		if n > 0 && b[0] >= 20 && b[0] < 64 {
			return n, p.conn.RemoteAddr(), nil
		}
		if isCheck(b[:n]) {
			p.answer(b[:n])
		}
	}
}

func (p *dtlsPipe) WriteTo(b []byte, _ net.Addr) (int, error) {
	if p.mute.Load() {
		return len(b), nil
	}
	return p.conn.Write(b)
}

// Close wakes the reader and no more.
func (p *dtlsPipe) Close() error                       { return p.conn.SetReadDeadline(time.Unix(1, 0)) }
func (p *dtlsPipe) LocalAddr() net.Addr                { return p.conn.LocalAddr() }
func (p *dtlsPipe) SetDeadline(t time.Time) error      { return p.conn.SetReadDeadline(t) }
func (p *dtlsPipe) SetReadDeadline(t time.Time) error  { return p.conn.SetReadDeadline(t) }
func (p *dtlsPipe) SetWriteDeadline(t time.Time) error { return nil }
