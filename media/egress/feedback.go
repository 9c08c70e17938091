package egress

import (
	"github.com/pion/rtcp"
)

// maxMissing bounds the packets that one report may ask for again.
const maxMissing = 256

// maxReceived bounds the streams that one report may speak of: ours and their retransmissions.
const maxReceived = 2 * maxSections

// feedback is what an attendee's report says, as far as we act on it.
type feedback struct {
	missing  []missing
	lost     []uint32 // streams whose picture is lost
	received []rtcp.ReceptionReport
	estimate float64 // of the link, in bit/s; 0 for none
}

type missing struct {
	ssrc     uint32
	sequence uint16
}

// urgent reports whether to act before the next packets go out anyway.
func (f *feedback) urgent() bool { return len(f.missing)+len(f.lost) > 0 }

func (f *feedback) empty() bool { return !f.urgent() && len(f.received) == 0 && f.estimate == 0 }

// parseFeedback reads a compound RTCP packet in the clear.
func parseFeedback(b []byte) (f feedback, err error) {
	packets, err := rtcp.Unmarshal(b)
	if err != nil {
		return f, err
	}
	for _, p := range packets {
		switch p := p.(type) {
		case *rtcp.TransportLayerNack:
			for _, pair := range p.Nacks {
				for _, n := range pair.PacketList() {
					if len(f.missing) < maxMissing {
						f.missing = append(f.missing, missing{p.MediaSSRC, n})
					}
				}
			}
		case *rtcp.PictureLossIndication:
			f.lost = append(f.lost, p.MediaSSRC)
		case *rtcp.FullIntraRequest:
			for _, e := range p.FIR {
				f.lost = append(f.lost, e.SSRC)
			}
		case *rtcp.ReceiverEstimatedMaximumBitrate:
			if rate := float64(p.Bitrate); rate > 0 {
				f.estimate = rate
			}
		case *rtcp.ReceiverReport:
			f.received = append(f.received, p.Reports...)
		case *rtcp.SenderReport:
			f.received = append(f.received, p.Reports...)
		}
	}
	f.received = f.received[:min(len(f.received), maxReceived)]
	return f, nil
}

// control takes a packet of the attendee that should be SRTCP. What is not authentic, repeated or malformed has
// no effect on anybody.
func (a *attendee) control(packet []byte, d *demux) {
	if len(packet) < 2 || packet[1] < 192 || packet[1] > 223 {
		return // RTP: attendees send none
	}
	a.mu.Lock()
	if a.open == nil || a.over {
		a.mu.Unlock()
		return
	}
	clear, err := a.open.DecryptRTCP(d.clear[:0], packet, nil)
	w, v := a.worker, a.viewer
	if err == nil {
		a.prove()
	}
	a.mu.Unlock()
	if err != nil {
		d.server.meters.refused.Inc()
		return
	}
	a.live(d.server.now())
	f, err := parseFeedback(clear)
	if err != nil {
		d.server.meters.refused.Inc()
		return
	}
	if !f.empty() {
		w.post(event{kind: reports, viewer: v, feedback: f})
	}
}
