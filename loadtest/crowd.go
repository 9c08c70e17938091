package loadtest

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"github.com/pion/dtls/v3/pkg/crypto/fingerprint"
	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
	"github.com/pion/rtcp"
)

const (
	// joinAtOnce is how many receivers connect at a time.
	joinAtOnce = 16
	// checkEvery and reportEvery are what browsers do.
	checkEvery  = 2500 * time.Millisecond
	reportEvery = time.Second
	// estimate is what receivers say that their link carries, in bit/s.
	estimate = 5_000_000
)

// crowd is the receivers and the few goroutines that serve them.
type crowd struct {
	whep, token string
	identity    identity
	pollers     []*poller

	mu  sync.Mutex
	err error // the first
}

// poller reads the sockets of some receivers. Its goroutine holds mu while it works.
type poller struct {
	mu        sync.Mutex
	receivers []*receiver
	counting  bool
	delays    histogram
	system    system
}

// totals is what all receivers got.
type totals struct {
	packets, bytes, lost, recovered int64
	delays                          histogram
}

func newCrowd(whep, token string) (*crowd, error) {
	certificate, err := selfsign.GenerateSelfSigned()
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(certificate.Certificate[0])
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	sum, err := fingerprint.Fingerprint(leaf, crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	c := &crowd{whep: whep, token: token, identity: identity{certificate, "sha-256 " + sum}}
	for range 2 {
		p, err := newPoller()
		if err != nil {
			c.close()
			return nil, err
		}
		c.pollers = append(c.pollers, p)
	}
	return c, nil
}

// join connects n receivers and returns how many succeeded.
func (c *crowd) join(ctx context.Context, n int) (connected int) {
	places := make(chan struct{}, joinAtOnce)
	var all sync.WaitGroup
	for i := range n {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			r, err := c.joinOne(ctx)
			if err == nil {
				err = c.pollers[i%len(c.pollers)].add(r)
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			if err == nil {
				connected++
			} else if c.err == nil {
				c.err = err
			}
		})
	}
	all.Wait()
	return connected
}

func (c *crowd) firstError() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// count begins to count anew, or ends it.
func (c *crowd) count(on bool) {
	for _, p := range c.pollers {
		p.mu.Lock()
		p.counting = on
		if on {
			p.delays = histogram{}
			for _, r := range p.receivers {
				for i := range r.streams {
					f := &r.streams[i]
					*f = flow{ssrc: f.ssrc, rtx: f.rtx}
				}
			}
		}
		p.mu.Unlock()
	}
}

func (c *crowd) sum() (t totals) {
	for _, p := range c.pollers {
		p.mu.Lock()
		t.delays.merge(&p.delays)
		for _, r := range p.receivers {
			for i := range r.streams {
				f := &r.streams[i]
				t.packets += f.packets
				t.bytes += f.bytes
				t.lost += f.lost()
				t.recovered += f.recovered
			}
		}
		p.mu.Unlock()
	}
	return t
}

// cipher names what the first receiver negotiated.
func (c *crowd) cipher() string {
	for _, p := range c.pollers {
		for _, r := range p.receivers {
			return r.profile
		}
	}
	return ""
}

func (c *crowd) close() {
	for _, p := range c.pollers {
		p.stop()
	}
	places := make(chan struct{}, joinAtOnce)
	var all sync.WaitGroup
	for _, p := range c.pollers {
		for _, r := range p.receivers {
			places <- struct{}{}
			all.Go(func() {
				leave(r.session, c.token)
				r.close()
				<-places
			})
		}
	}
	all.Wait()
}

// upkeep asks for what is missing, and sends reports and checks when they are due.
func (r *receiver) upkeep(now time.Time) {
	for i := range r.streams {
		f := &r.streams[i]
		if len(f.missing) > 0 {
			r.control(&rtcp.TransportLayerNack{SenderSSRC: 1, MediaSSRC: f.ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(f.missing)})
			f.missing = f.missing[:0]
		}
	}
	if now.Sub(r.reported) >= reportEvery {
		r.reported = now
		report := &rtcp.ReceiverReport{SSRC: 1}
		var streams []uint32
		for i := range r.streams {
			if r.streams[i].started {
				report.Reports = append(report.Reports, r.streams[i].report())
				streams = append(streams, r.streams[i].ssrc)
			}
		}
		r.control(report, &rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: 1, Bitrate: estimate, SSRCs: streams})
	}
	if now.Sub(r.checked) >= checkEvery {
		_ = r.check()
	}
}

func (r *receiver) control(packets ...rtcp.Packet) {
	clear, err := rtcp.Marshal(packets)
	if err != nil {
		return
	}
	if sealed, err := r.seal.EncryptRTCP(nil, clear, nil); err == nil {
		_, _ = r.conn.Write(sealed)
	}
}

// isCheck tells STUN from the rest.
func isCheck(b []byte) bool { return len(b) >= 20 && b[0] < 4 }

// isMedia tells RTP from RTCP, DTLS and STUN on one port (RFC 7983, RFC 5761).
func isMedia(b []byte) bool {
	return len(b) > 28 && b[0]&0xc0 == 0x80 && (b[1]&0x7f < 64 || b[1]&0x7f >= 96) && binary.BigEndian.Uint32(b[8:]) != 0
}
