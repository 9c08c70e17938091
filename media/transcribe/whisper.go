package transcribe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Whisper runs the command line of whisper.cpp, whisper-cli (examples/cli of ggml-org/whisper.cpp): a WAV file of
// 16 kHz in, a WebVTT file out. Program and Model are required.
type Whisper struct {
	Program string        // whisper-cli
	Model   string        // file of its model
	FFmpeg  string        // "ffmpeg" when empty
	Dir     string        // for sound and captions while it works; the system's when empty
	Memory  int64         // most bytes of address space of the program; 0 is memoryFor its model. Linux only
	Limit   time.Duration // longest run; 0 is limitFor the sound
}

// Bounds of what the program may use and write.
const (
	niceness    = 19
	maxWebVTT   = 2 << 20
	leastMemory = 4 << 30
	soundSlack  = time.Minute
	stopWithin  = 5 * time.Second
)

// memoryFor is the model, mapped and copied, and room to work in.
func memoryFor(model int64) int64 { return leastMemory + 2*model }

// limitFor is four times as long as the sound, and time to load the model: a machine that is slower than that is
// too slow for this model.
func limitFor(length time.Duration) time.Duration { return 10*time.Minute + 4*length }

// Check reports whether program and model are there.
func (w Whisper) Check() error {
	if _, err := exec.LookPath(w.Program); err != nil {
		return fmt.Errorf("speech recognition: %w", err)
	}
	if info, err := os.Stat(w.Model); err != nil || !info.Mode().IsRegular() {
		return fmt.Errorf("speech recognition: the model %s is no file", w.Model)
	}
	return nil
}

// Recognize implements Recognizer. An error says what the operator or admin can do; the program's own words are in
// it when there were any.
func (w Whisper) Recognize(ctx context.Context, sound Sound, progress func(percent int)) (Heard, error) {
	dir, err := os.MkdirTemp(w.Dir, "transcribe-")
	if err != nil {
		return Heard{}, fmt.Errorf("make a folder for speech recognition: %w", err)
	}
	defer os.RemoveAll(dir)
	limit := w.Limit
	if limit == 0 {
		limit = limitFor(sound.Length)
	}
	late := fmt.Errorf("the speech recognition took longer than %v: use a smaller model or a faster machine", limit)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, late)
	defer cancel()
	wav := filepath.Join(dir, "sound.wav")
	if err := w.decode(ctx, sound, wav); err != nil {
		return Heard{}, causeOf(ctx, err)
	}
	heard, err := w.hear(ctx, sound, wav, progress)
	return heard, causeOf(ctx, err)
}

// causeOf tells why ctx ended rather than what that did.
func causeOf(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// decode makes the WAV file that whisper.cpp wants: 16 kHz, one channel, 16 bits.
func (w Whisper) decode(ctx context.Context, sound Sound, wav string) error {
	ffmpeg := w.FFmpeg
	if ffmpeg == "" {
		ffmpeg = "ffmpeg"
	}
	longest := strconv.Itoa(int((sound.Length + soundSlack).Seconds()))
	r := run{memory: leastMemory, words: &words{}}
	reader, writer := io.Pipe()
	wrote := make(chan error, 1)
	go func() {
		err := sound.Write(writer)
		wrote <- err
		writer.CloseWithError(err)
	}()
	r.in = reader
	err := r.run(ctx, ffmpeg, "-hide_banner", "-nostdin", "-loglevel", "error", "-threads", "1", "-protocol_whitelist", "pipe,file",
		"-i", "pipe:0", "-vn", "-t", longest, "-ac", "1", "-ar", "16000", "-c:a", "pcm_s16le", "-f", "wav", wav)
	reader.CloseWithError(io.ErrClosedPipe) // so that the writer ends when the program did not read to the end
	if said := <-wrote; err == nil && said != nil && !errors.Is(said, io.ErrClosedPipe) {
		err = said
	}
	if err != nil {
		return fmt.Errorf("the sound of the recording cannot be read: %w", err)
	}
	return nil
}

// hear runs the program and reads what it wrote.
func (w Whisper) hear(ctx context.Context, sound Sound, wav string, progress func(int)) (Heard, error) {
	memory := w.Memory
	if memory == 0 {
		var model int64
		if info, err := os.Stat(w.Model); err == nil {
			model = info.Size()
		}
		memory = memoryFor(model)
	}
	language, _, _ := strings.Cut(strings.ToLower(sound.Language), "-")
	if language == "" || language == "und" {
		language = "auto"
	}
	said := words{progress: progress}
	r := run{memory: memory, words: &said}
	out := strings.TrimSuffix(wav, ".wav")
	err := r.run(ctx, w.Program, "-m", w.Model, "-f", wav, "-l", language, "-t", strconv.Itoa(max(1, runtime.NumCPU()/2)), "-ovtt", "-of", out, "-pp")
	if err != nil {
		return Heard{}, fmt.Errorf("the speech recognition failed: %w", err)
	}
	heard := Heard{Language: sound.Language}
	if language == "auto" {
		heard.Language = said.language
	}
	heard.WebVTT, err = readBounded(out + ".vtt")
	if err != nil {
		return Heard{}, fmt.Errorf("the speech recognition wrote no captions: %w", err)
	}
	return heard, nil
}

// readBounded reads a file that another program wrote: a regular one, of a bounded size.
func readBounded(name string) ([]byte, error) {
	info, err := os.Lstat(name)
	if err != nil {
		return nil, errors.New("there is no .vtt file")
	}
	if !info.Mode().IsRegular() || info.Size() > maxWebVTT {
		return nil, fmt.Errorf("the .vtt file is no file or larger than %d MiB", maxWebVTT>>20)
	}
	return os.ReadFile(name)
}
