// Package link is a network link with faults, in user space: a TUN device in each of two network namespaces of
// its own, and between them everything that the internet does to packets. It needs neither the kernel's netem nor
// a change to the machine's own interfaces and routes, and nothing of it is left when its process has ended,
// however that happened.
package link

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Conditions are what happens to packets in one direction. The zero value is a perfect link.
type Conditions struct {
	Loss        float64       // share of packets lost one by one, 0 to 1
	BurstLoss   float64       // share of packets lost in bursts, 0 to 1 (Gilbert's model: in a burst all are lost)
	BurstLength float64       // mean packets of a burst, 1 or more; 0 is 4
	Duplicate   float64       // share of packets that arrive twice, 0 to 1
	Delay       time.Duration // of every packet
	Jitter      time.Duration // packets come up to this much earlier or later than Delay, so they overtake each other
	Rate        int64         // bits per second of IP packets; 0 is no limit
	Queue       time.Duration // what may wait in front of Rate, longer is dropped at the tail; 0 is 300 ms
	Block       []string      // what a firewall drops without a word: "udp", "tcp", or with a port, "tcp/443"
}

// Without a word about them, a burst and the queue are those of an ordinary access line.
const (
	usualBurst = 4
	usualQueue = 300 * time.Millisecond
)

// Validate says what is wrong with c, in words for the person who wrote it.
func (c Conditions) Validate() error {
	for name, share := range map[string]float64{"loss": c.Loss, "burst loss": c.BurstLoss, "duplicates": c.Duplicate} {
		if !(share >= 0 && share <= 1) {
			return fmt.Errorf("%s of %g: want a share from 0 to 1", name, share)
		}
	}
	if c.BurstLoss == 1 || (c.BurstLength != 0 && c.BurstLength < 1) {
		return fmt.Errorf("bursts of %g packets, %g of all: want at least 1, and less than all", c.BurstLength, c.BurstLoss)
	}
	if c.Delay < 0 || c.Jitter < 0 || c.Rate < 0 || c.Queue < 0 {
		return fmt.Errorf("delay %v, jitter %v, rate %d, queue %v: none may be negative", c.Delay, c.Jitter, c.Rate, c.Queue)
	}
	for _, rule := range c.Block {
		protocol, port, some := strings.Cut(rule, "/")
		n, err := strconv.ParseUint(port, 10, 16)
		if (protocol != "udp" && protocol != "tcp") || (some && (err != nil || n == 0)) {
			return fmt.Errorf("block %q: want udp, tcp, or one with a port, such as tcp/443", rule)
		}
	}
	return nil
}

// blocks tells whether the firewall drops this IP packet. A port stands for either end's.
func (c Conditions) blocks(packet []byte) bool {
	if len(c.Block) == 0 {
		return false
	}
	protocol, ports := transport(packet)
	return protocol != "" && slices.ContainsFunc(c.Block, func(rule string) bool {
		kind, port, one := strings.Cut(rule, "/")
		return kind == protocol && (!one || port == ports[0] || port == ports[1])
	})
}

// transport reads the protocol and the two ports of an IP packet without IPv6 extension headers, and nothing
// where there are none. A later fragment has the protocol only.
func transport(packet []byte) (protocol string, ports [2]string) {
	if len(packet) < 20 {
		return "", ports
	}
	var number byte
	var header int
	switch packet[0] >> 4 {
	case 4: // RFC 791, section 3.1
		number, header = packet[9], 4*int(packet[0]&15)
		if binary.BigEndian.Uint16(packet[6:])&0x1fff != 0 {
			header = len(packet)
		}
	case 6: // RFC 8200, section 3
		number, header = packet[6], 40
	}
	switch number {
	case 6:
		protocol = "tcp"
	case 17:
		protocol = "udp"
	default:
		return "", ports
	}
	if len(packet) >= header+4 {
		for i := range ports {
			ports[i] = strconv.Itoa(int(binary.BigEndian.Uint16(packet[header+2*i:])))
		}
	}
	return protocol, ports
}
