package hls

import "encoding/binary"

// opusSilence is 20 ms of silence: one CELT frame, full band, mono (RFC 6716; the packet that Opus
// encoders of browsers send for digital silence).
var opusSilence = []byte{0xf8, 0xff, 0xfe}

// opusFrame is the length of opusSilence, and of what browsers send, in samples at 48 kHz.
const opusFrame = 960

// opusLookahead is by how many samples what an Opus encoder hears comes out late of the decoder
// (RFC 7845 section 4.2 calls it pre-skip; 312 is libopus at 48 kHz).
const opusLookahead = 312

// opusSamples returns how long a packet plays, in samples at 48 kHz (RFC 6716 section 3.1), or 0 when
// it is no Opus packet or longer than the 120 ms that the RFC allows.
func opusSamples(b []byte) int64 {
	if len(b) == 0 {
		return 0
	}
	var frame int64
	switch config := b[0] >> 3; {
	case config < 12: // SILK: 10, 20, 40, 60 ms
		frame = [...]int64{480, 960, 1920, 2880}[config&3]
	case config < 16: // hybrid: 10, 20 ms
		frame = [...]int64{480, 960}[config&1]
	default: // CELT: 2.5, 5, 10, 20 ms
		frame = 120 << (config & 3)
	}
	count := int64(1)
	switch b[0] & 3 {
	case 1, 2:
		count = 2
	case 3:
		if len(b) < 2 {
			return 0
		}
		count = int64(b[1] & 0x3f)
	}
	if frame*count > 5760 {
		return 0
	}
	return frame * count
}

// oggStream wraps Opus packets into an Ogg stream (RFC 3533, RFC 7845), one page a packet, so that the
// reader sees each at once.
type oggStream struct {
	sequence uint32
	granule  uint64
}

// head returns the two header pages: two channels, nothing to skip.
func (o *oggStream) head() []byte {
	id := append([]byte("OpusHead"), 1, 2, 0, 0)
	id = binary.LittleEndian.AppendUint32(id, 48000)
	id = append(id, 0, 0, 0)
	tags := append([]byte("OpusTags"), 7, 0, 0, 0)
	tags = append(tags, "lectern"...)
	tags = append(tags, 0, 0, 0, 0)
	return o.appendPage(o.appendPage(nil, 2, id), 0, tags)
}

// appendPacket appends the page of one packet that plays for a number of samples.
func (o *oggStream) appendPacket(dst, packet []byte, samples int64) []byte {
	o.granule += uint64(samples)
	return o.appendPage(dst, 0, packet)
}

func (o *oggStream) appendPage(dst []byte, flags byte, packet []byte) []byte {
	start := len(dst)
	dst = append(dst, "OggS\x00"...)
	dst = append(dst, flags)
	dst = binary.LittleEndian.AppendUint64(dst, o.granule)
	dst = binary.LittleEndian.AppendUint32(dst, 1) // serial number
	dst = binary.LittleEndian.AppendUint32(dst, o.sequence)
	dst = append(dst, 0, 0, 0, 0) // checksum, below
	o.sequence++
	dst = append(dst, byte(len(packet)/255+1))
	for n := len(packet); ; n -= 255 {
		if n < 255 {
			dst = append(dst, byte(n))
			break
		}
		dst = append(dst, 255)
	}
	dst = append(dst, packet...)
	var crc uint32
	for _, b := range dst[start:] {
		crc = crc<<8 ^ oggTable[byte(crc>>24)^b]
	}
	binary.LittleEndian.PutUint32(dst[start+22:], crc)
	return dst
}

// maxOggPacket is what one page can hold whole: 255 lacing values, the last below 255.
const maxOggPacket = 254*255 + 254

// oggTable is the CRC of RFC 3533 appendix A: polynomial 0x04c11db7, not reflected.
var oggTable = func() (t [256]uint32) {
	for i := range t {
		r := uint32(i) << 24
		for range 8 {
			if r&0x80000000 != 0 {
				r = r<<1 ^ 0x04c11db7
			} else {
				r <<= 1
			}
		}
		t[i] = r
	}
	return t
}()
