package hls

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
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

// soundInputs is how many voices are recorded at a time, as many as attendees get.
const soundInputs = 3

// encoder is an ffmpeg child that turns Opus in Ogg into AAC in ADTS while it is being spoken, and mixes several
// voices. When lectern dies its inputs end, and so does it.
type encoder struct {
	frames chan []byte // raw AAC; closed when the child has ended and been waited for

	cmd    *exec.Cmd
	inputs []*encoderInput
	kill   sync.Once
	closed bool
	quit   chan struct{}
	ended  chan struct{} // closed with err set, before frames is
	err    error
}

// encoderInput is one of the voices on its way into the child.
type encoderInput struct {
	queue chan []byte // Ogg pages; closed by closeInput
	ogg   oggStream
}

// startEncoder runs ffmpeg with so many voices, which all begin at the same moment and of which none may fall behind: the
// mix waits for it. Its first frame to be used is number aacPriming; pad samples of silence
// come before the first packets, which moves what is heard onto the grid of frames.
func startEncoder(ffmpeg string, pad int64, voices int) (*encoder, error) {
	// Not -fflags nobuffer: it throws the packet away that the input is recognised by, and the sound is early by 20 ms for good.
	arguments := []string{"-hide_banner", "-nostdin", "-loglevel", "error", "-threads", "1"}
	mix := ""
	for i := range voices {
		pipe := "pipe:0"
		if i > 0 {
			pipe = fmt.Sprintf("pipe:%d", 2+i) // where exec puts the first of ExtraFiles
		}
		arguments = append(arguments, "-flags", "low_delay", "-probesize", "32", "-analyzeduration", "0", "-f", "ogg", "-i", pipe)
		mix += fmt.Sprintf("[%d:a]", i)
	}
	if voices > 1 {
		mix += fmt.Sprintf("amix=inputs=%d:normalize=0:dropout_transition=0,", voices)
	}
	cmd := exec.Command(ffmpeg, append(arguments, "-filter_complex", mix+fmt.Sprintf("adelay=delays=%dS:all=1", pad),
		"-c:a", "aac", "-b:a", "96k", "-ar", "48000", "-ac", "2", "-f", "adts", "-flush_packets", "1", "pipe:1")...)
	ins, theirs, err := openInputs(cmd, voices)
	if err != nil {
		return nil, fmt.Errorf("sound encoder: %w", err)
	}
	defer closeAll(theirs)
	out, err := cmd.StdoutPipe()
	if err != nil {
		closeAll(ins)
		return nil, fmt.Errorf("sound encoder: %w", err)
	}
	complaints := &headBuffer{limit: encoderStderr}
	cmd.Stderr = complaints
	if err := cmd.Start(); err != nil {
		closeAll(ins)
		return nil, fmt.Errorf("sound encoder: cannot start %s (install ffmpeg or set its path): %w", ffmpeg, err)
	}
	e := &encoder{
		frames: make(chan []byte, encoderQueue), cmd: cmd,
		quit: make(chan struct{}), ended: make(chan struct{}),
	}
	for _, in := range ins {
		i := &encoderInput{queue: make(chan []byte, encoderQueue)}
		e.inputs = append(e.inputs, i)
		go e.feed(in, i.ogg.head(), i.queue)
	}
	go e.read(out, complaints)
	return e, nil
}

// openInputs makes the pipes of the voices: the first is the child's standard input. The second result is the child's
// ends, to be closed once it runs.
func openInputs(cmd *exec.Cmd, voices int) (ins, theirs []*os.File, err error) {
	for i := range voices {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll(ins)
			closeAll(theirs)
			return nil, nil, err
		}
		ins, theirs = append(ins, w), append(theirs, r)
		if i == 0 {
			cmd.Stdin = r
		} else {
			cmd.ExtraFiles = append(cmd.ExtraFiles, r)
		}
	}
	return ins, theirs, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// write queues one packet of a voice. It is false when the encoder does not keep up or is dead.
func (e *encoder) write(voice int, packet []byte, samples int64) bool {
	if e.closed || len(packet) > maxOggPacket {
		return false
	}
	i := e.inputs[voice]
	select {
	case i.queue <- i.ogg.appendPacket(nil, packet, samples):
		return true
	default:
		return false
	}
}

// closeInput lets the encoder give out what it holds and end.
func (e *encoder) closeInput() {
	if !e.closed {
		e.closed = true
		for _, i := range e.inputs {
			close(i.queue)
		}
	}
}

// stop ends the child now. The caller drains frames until it is closed.
func (e *encoder) stop() {
	e.kill.Do(func() {
		close(e.quit)
		e.cmd.Process.Kill() // already dead is as good
	})
}

// feed writes a queue into the child. A child that blocks it is ended by stop or by the watchdog.
func (e *encoder) feed(in io.WriteCloser, head []byte, queue <-chan []byte) {
	defer in.Close()
	if _, err := in.Write(head); err != nil {
		return
	}
	for {
		select {
		case page, ok := <-queue:
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
