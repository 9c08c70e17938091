package hls

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"
)

// AAC as the encoder makes it: LC, 48 kHz, two channels.
const (
	aacFrame   = 1024 // samples of one frame
	aacPriming = 1    // frames that the encoder gives out before the first sample it heard
	aacCodec   = "mp4a.40.2"
)

var (
	aacConfig  = []byte{0x11, 0x90}                         // AudioSpecificConfig of the above
	aacSilence = []byte{0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c} // one frame of digital silence
)

// Bounds of the encoder: queues on both sides, and how long it may hold input without giving output.
const (
	encoderQueue  = 1024 // packets of 20 ms
	encoderStall  = 5 * time.Second
	encoderStderr = 4 << 10
)

// encoder is an ffmpeg child that turns Opus in Ogg into AAC in ADTS while it is being spoken. It costs
// about 0.04 of a core. When lectern dies its input ends, and so does it.
type encoder struct {
	frames chan []byte // raw AAC; closed when the child has ended and been waited for

	cmd    *exec.Cmd
	queue  chan []byte // Ogg pages; closed by closeInput
	ogg    oggStream
	kill   sync.Once
	closed bool
	quit   chan struct{}
	ended  chan struct{} // closed with err set, before frames is
	err    error
}

// startEncoder runs ffmpeg. Its first frame to be used is number aacPriming; pad samples of silence
// come before the first packet, which moves what is heard onto the grid of frames.
func startEncoder(ffmpeg string, pad int64) (*encoder, error) {
	cmd := exec.Command(ffmpeg, "-hide_banner", "-nostdin", "-loglevel", "error", "-threads", "1",
		"-fflags", "nobuffer", "-flags", "low_delay", "-probesize", "32", "-analyzeduration", "0",
		"-f", "ogg", "-i", "pipe:0",
		"-af", fmt.Sprintf("adelay=delays=%dS:all=1", pad),
		"-c:a", "aac", "-b:a", "96k", "-ar", "48000", "-ac", "2", "-f", "adts", "-flush_packets", "1", "pipe:1")
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("sound encoder: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("sound encoder: %w", err)
	}
	complaints := &headBuffer{limit: encoderStderr}
	cmd.Stderr = complaints
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("sound encoder: cannot start %s (install ffmpeg or set its path): %w", ffmpeg, err)
	}
	e := &encoder{
		frames: make(chan []byte, encoderQueue), cmd: cmd, queue: make(chan []byte, encoderQueue),
		quit: make(chan struct{}), ended: make(chan struct{}),
	}
	go e.feed(in, e.ogg.head())
	go e.read(out, complaints)
	return e, nil
}

// write queues one packet. It is false when the encoder does not keep up or is dead.
func (e *encoder) write(packet []byte, samples int64) bool {
	if e.closed || len(packet) > maxOggPacket {
		return false
	}
	select {
	case e.queue <- e.ogg.appendPacket(nil, packet, samples):
		return true
	default:
		return false
	}
}

// closeInput lets the encoder give out what it holds and end.
func (e *encoder) closeInput() {
	if !e.closed {
		e.closed = true
		close(e.queue)
	}
}

// stop ends the child now. The caller drains frames until it is closed.
func (e *encoder) stop() {
	e.kill.Do(func() {
		close(e.quit)
		e.cmd.Process.Kill() // already dead is as good
	})
}

// feed writes the queue into the child. A child that blocks it is ended by stop or by the watchdog.
func (e *encoder) feed(in io.WriteCloser, head []byte) {
	defer in.Close()
	if _, err := in.Write(head); err != nil {
		return
	}
	for {
		select {
		case page, ok := <-e.queue:
			if !ok {
				return
			}
			if _, err := in.Write(page); err != nil {
				return
			}
		case <-e.quit:
			return
		case <-e.ended:
			return
		}
	}
}

// read takes frames out of the child until it ends, and waits for it.
func (e *encoder) read(out io.Reader, complaints *headBuffer) {
	defer close(e.frames)
	watchdog := time.AfterFunc(encoderStall, e.stop)
	defer watchdog.Stop()
	r := bufio.NewReaderSize(out, 16<<10)
	for {
		frame, err := readADTS(r)
		if err != nil {
			break
		}
		watchdog.Reset(encoderStall)
		select {
		case e.frames <- frame:
			continue
		case <-e.quit:
		}
		break
	}
	e.stop()
	if err := e.cmd.Wait(); err != nil {
		e.err = fmt.Errorf("sound encoder: %w: %s", err, complaints)
	}
	close(e.ended)
}

var errADTS = errors.New("not an ADTS frame")

// readADTS reads one frame and takes its header off (ISO/IEC 13818-7, 6.2).
func readADTS(r io.Reader) ([]byte, error) {
	var h [7]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return nil, err
	}
	n := int(h[3]&3)<<11 | int(h[4])<<3 | int(h[5])>>5
	if h[0] != 0xff || h[1]&0xf6 != 0xf0 || h[1]&1 == 0 || n <= len(h) {
		return nil, errADTS
	}
	frame := make([]byte, n-len(h))
	_, err := io.ReadFull(r, frame)
	return frame, err
}

// headBuffer keeps the first bytes of what a child complains about.
type headBuffer struct {
	bytes.Buffer
	limit int
}

func (b *headBuffer) Write(p []byte) (int, error) {
	if room := b.limit - b.Len(); room > 0 {
		b.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
