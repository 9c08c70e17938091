package ladder

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"lectern/media"
)

// jobQueue is how many pictures may wait for a child: two seconds. When it is full the rest of the group is lost to it.
const jobQueue = 60

// stallLimit is how long a child may take pictures without giving any.
const stallLimit = 5 * time.Second

// measureEvery is how often the cores that a child takes are read.
const measureEvery = 5 * time.Second

// job is one ffmpeg child from a keyframe on. It reads IVF and writes each rung as FLV, which is easy to take apart
// and has the times of the pictures. Its keyframes are those of its source.
type job struct {
	ladder *Ladder
	rungs  []rung
	grant  grant
	ctx    context.Context
	cancel context.CancelFunc
	fourCC string
	width  int
	height int
	queue  chan picture

	mu    sync.Mutex
	first uint32            // timestamp of the first picture
	times map[uint32]uint32 // timestamps by milliseconds since the first
	order []uint32          // of times, oldest first
}

// timesKept bounds the pictures that may be in the child.
const timesKept = 512

func newJob(ctx context.Context, cancel context.CancelFunc, l *Ladder, rungs []rung, pic picture, g grant) *job {
	return &job{
		ladder: l, rungs: rungs, grant: g, ctx: ctx, cancel: cancel, fourCC: l.source.fourCC(), width: pic.width, height: pic.height,
		queue: make(chan picture, jobQueue), first: pic.timestamp, times: map[uint32]uint32{},
	}
}

func (j *job) free() { j.grant.giveBack() }

// put queues a picture, false when there is no room for it.
func (j *job) put(pic picture) bool {
	select {
	case j.queue <- pic:
		return true
	default:
		return false
	}
}

// run encodes until the job is cancelled, which is no error, or the child ends.
func (j *job) run() error {
	defer j.cancel()
	cmd := exec.CommandContext(j.ctx, j.ladder.config.FFmpeg, j.args()...)
	cmd.WaitDelay = time.Second
	complaints := &bytes.Buffer{}
	cmd.Stderr = complaints // -v error: a few lines at most before it ends
	in, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("encode pictures: %w", err)
	}
	var outs []*os.File
	for range j.rungs {
		r, w, err := os.Pipe()
		if err != nil {
			return fmt.Errorf("encode pictures: %w", err)
		}
		defer r.Close()
		defer w.Close()
		outs, cmd.ExtraFiles = append(outs, r), append(cmd.ExtraFiles, w)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("encode pictures: cannot start %s (install ffmpeg or set its path): %w", j.ladder.config.FFmpeg, err)
	}
	for _, w := range cmd.ExtraFiles {
		w.Close() // the child has them
	}
	var all sync.WaitGroup
	watchdog := time.AfterFunc(stallLimit, j.cancel)
	defer watchdog.Stop()
	for i, r := range j.rungs {
		all.Go(func() {
			j.read(outs[i], r.layer, func() { watchdog.Reset(stallLimit) })
			j.cancel() // one rung that has ended ends them all
		})
	}
	all.Go(func() { j.feed(in) })
	all.Go(func() { j.measure(cmd.Process.Pid) })
	<-j.ctx.Done()
	err = cmd.Wait()
	for _, r := range outs {
		r.Close()
	}
	all.Wait()
	text := complaints.String()
	return fmt.Errorf("encode pictures: %w: %s", err, text[max(0, len(text)-400):])
}

// args are those of ffmpeg. A picture of another shape than the first gets borders, so that a rung never changes its size.
func (j *job) args() []string {
	var graph strings.Builder
	fmt.Fprintf(&graph, "[0:v]split=%d", len(j.rungs))
	for i := range j.rungs {
		fmt.Fprintf(&graph, "[s%d]", i)
	}
	for i, r := range j.rungs {
		fmt.Fprintf(&graph, ";[s%d]scale=%[2]d:%[3]d:flags=fast_bilinear:force_original_aspect_ratio=decrease,pad=%[2]d:%[3]d:(ow-iw)/2:(oh-ih)/2,setsar=1,format=yuv420p[o%[1]d]",
			i, r.width, r.height)
	}
	args := []string{
		"-hide_banner", "-nostdin", "-v", "error", "-threads", "1", "-fflags", "nobuffer", "-flags", "low_delay",
		"-probesize", "32", "-analyzeduration", "0", "-f", "ivf", "-i", "pipe:0", "-filter_complex_threads", "1", "-filter_complex", graph.String(),
	}
	for i, r := range j.rungs {
		args = append(args, "-map", fmt.Sprintf("[o%d]", i), "-fps_mode", "passthrough", "-c:v", "libx264", "-preset", "ultrafast",
			"-tune", "zerolatency", "-profile:v", "baseline", "-threads", "1", "-x264-params", "sliced-threads=0:scenecut=0", "-g", "9999",
			"-force_key_frames", "source", "-b:v", strconv.Itoa(r.kbps)+"k", "-maxrate", strconv.Itoa(r.kbps*3/2)+"k", "-bufsize", strconv.Itoa(r.kbps)+"k",
			"-flvflags", "no_duration_filesize", "-flush_packets", "1", "-f", "flv", "pipe:"+strconv.Itoa(3+i))
	}
	return args
}

// feed writes pictures into the child as IVF.
func (j *job) feed(in io.WriteCloser) {
	defer in.Close()
	head := append([]byte("DKIF"), 0, 0, 32, 0)
	head = append(head, j.fourCC...)
	head = binary.LittleEndian.AppendUint16(head, uint16(j.width))
	head = binary.LittleEndian.AppendUint16(head, uint16(j.height))
	head = binary.LittleEndian.AppendUint32(head, 1000) // ticks a second
	head = binary.LittleEndian.AppendUint32(head, 1)
	head = append(head, make([]byte, 8)...)
	last := int64(-1)
	for {
		select {
		case <-j.ctx.Done():
			return
		case pic := <-j.queue:
			at := max(j.enter(pic.timestamp), last+1)
			last = at
			j.remember(uint32(at), pic.timestamp)
			b := binary.LittleEndian.AppendUint32(head, uint32(len(pic.data)))
			b = binary.LittleEndian.AppendUint64(b, uint64(at))
			if _, err := in.Write(append(b, pic.data...)); err != nil {
				j.cancel()
				return
			}
			head = nil
		}
	}
}

// enter is when a picture was taken, in milliseconds since the first. A child lives for less than the 13 hours
// after which timestamps return, or is started anew.
func (j *job) enter(timestamp uint32) int64 { return (int64(timestamp-j.first) + 45) / 90 }

func (j *job) remember(ms, timestamp uint32) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.times[ms] = timestamp
	if j.order = append(j.order, ms); len(j.order) > timesKept {
		delete(j.times, j.order[0])
		j.order = j.order[1:]
	}
}

// taken is the timestamp of the picture that the child dates so.
func (j *job) taken(ms uint32) uint32 {
	j.mu.Lock()
	defer j.mu.Unlock()
	if timestamp, known := j.times[ms]; known {
		return timestamp
	}
	return j.first + ms*90
}

var errFLV = errors.New("not FLV with H.264")

// read takes one rung apart and passes it on, until it ends.
func (j *job) read(out io.Reader, layer media.Layer, alive func()) {
	r := bufio.NewReaderSize(out, 64<<10)
	if _, err := r.Discard(9 + 4); err != nil { // header, and the length of no tag
		return
	}
	var sets [][]byte
	for {
		kind, at, data, err := readTag(r)
		if err != nil {
			return
		}
		if kind != 9 || len(data) < 5 || data[0]&15 != 7 {
			continue
		}
		alive()
		switch data[1] {
		case 0:
			if sets, err = parameterSets(data[5:]); err != nil {
				return
			}
		case 1:
			nals, err := split(data[5:])
			if err != nil || len(nals) == 0 {
				return
			}
			key := data[0]>>4 == 1
			if key {
				nals = append(append([][]byte{}, sets...), nals...)
			}
			j.pass(layer, j.taken(at), key, nals)
		}
	}
}

// pass gives one picture to the recorder, a NAL unit a packet.
func (j *job) pass(layer media.Layer, timestamp uint32, key bool, nals [][]byte) {
	now := time.Now()
	l := j.ladder
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.job != j || l.closed {
		return // it is not wanted any more
	}
	for i, nal := range nals {
		l.config.To.WritePacket(&media.Packet{
			Track: l.config.Track, Layer: layer, Sequence: l.next[layer], Timestamp: timestamp, Marker: i == len(nals)-1,
			Keyframe: key && i == 0, Arrival: now, Payload: nal,
		})
		l.next[layer]++
	}
}

// readTag reads one tag of FLV (Adobe's specification, E.4).
func readTag(r io.Reader) (kind byte, at uint32, data []byte, err error) {
	var h [11]byte
	if _, err = io.ReadFull(r, h[:]); err != nil {
		return 0, 0, nil, err
	}
	n := int(h[1])<<16 | int(h[2])<<8 | int(h[3])
	if n > maxPicture {
		return 0, 0, nil, errFLV
	}
	data = make([]byte, n+4) // with its length behind it
	if _, err = io.ReadFull(r, data); err != nil {
		return 0, 0, nil, err
	}
	return h[0], uint32(h[4])<<16 | uint32(h[5])<<8 | uint32(h[6]) | uint32(h[7])<<24, data[:n], nil
}

// parameterSets reads those of a decoder configuration (ISO/IEC 14496-15, 5.3.3.1).
func parameterSets(b []byte) (sets [][]byte, err error) {
	if len(b) < 7 {
		return nil, errFLV
	}
	count, b := int(b[5]&31), b[6:]
	for kinds := 0; kinds < 2; kinds++ {
		for range count {
			if len(b) < 2 || len(b)-2 < int(binary.BigEndian.Uint16(b)) {
				return nil, errFLV
			}
			n := int(binary.BigEndian.Uint16(b))
			sets, b = append(sets, b[2:2+n]), b[2+n:]
		}
		if kinds == 0 {
			if len(b) == 0 {
				return nil, errFLV
			}
			count, b = int(b[0]), b[1:]
		}
	}
	return sets, nil
}

// split takes NAL units with four-byte lengths apart.
func split(b []byte) (nals [][]byte, err error) {
	for len(b) > 0 {
		if len(b) < 4 {
			return nil, errFLV
		}
		n := binary.BigEndian.Uint32(b)
		if n == 0 || uint64(n) > uint64(len(b)-4) {
			return nil, errFLV
		}
		nals, b = append(nals, b[4:4+n]), b[4+n:]
	}
	return nals, nil
}

// measure tells the budget what the child takes, where the system says so (proc(5)).
func (j *job) measure(pid int) {
	tick := time.NewTicker(measureEvery)
	defer tick.Stop()
	before, at := cpuOf(pid), time.Now()
	for {
		select {
		case <-j.ctx.Done():
			return
		case now := <-tick.C:
			if used := cpuOf(pid); used > before {
				j.grant.measured(float64(used-before) / float64(now.Sub(at)))
				before, at = used, now
			}
		}
	}
}

// cpuOf is the processor time of a process: fields 14 and 15 of its stat, in hundredths of a second.
func cpuOf(pid int) time.Duration {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond
}
