package document

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Sizes are the long sides of the pictures of a page, in pixels: for a list, a phone, a desktop.
var Sizes = []int{320, 960, 1600}

const (
	atOnce   = 4        // pages drawn by one run of a program
	maxText  = 64 << 10 // bytes of the text of one page
	quality  = "82"     // of JPEG
	noOffice = "PowerPoint files are not converted on this server: save it as PDF and upload that"
)

// Converter makes pictures and text of files.
type Converter struct {
	jail   jail
	office string // LibreOffice; "" when it is not installed
	ffmpeg string
}

// Find looks for the programs that are needed. FFmpeg draws pictures. The error wraps ErrUnable: it says what is missing.
// Without a working sandbox nothing is converted at all.
func Find(ctx context.Context, ffmpeg string) (*Converter, error) {
	c := &Converter{jail: jail{cpu: cpuTime, wall: wallTime}}
	for program, into := range map[string]*string{"bwrap": &c.jail.bwrap, "pdftoppm": nil, "pdftotext": nil, "pdfinfo": nil, "prlimit": nil} {
		path, err := exec.LookPath(program)
		if err != nil {
			return nil, fmt.Errorf("%w: %s is not installed (packages bubblewrap and poppler-utils)", ErrUnable, program)
		}
		if into != nil {
			*into = path
		}
	}
	if ffmpeg == "" {
		ffmpeg = "ffmpeg"
	}
	if path, err := exec.LookPath(ffmpeg); err == nil {
		c.ffmpeg = path
	}
	for _, name := range []string{"soffice", "libreoffice"} {
		if path, err := exec.LookPath(name); err == nil && c.office == "" {
			c.office = path
		}
	}
	if _, err := c.jail.run(ctx, look{}, "true"); err != nil {
		return nil, fmt.Errorf("%w: the sandbox does not work on this machine, which may not allow user namespaces (%w)", ErrUnable, err)
	}
	return c, nil
}

// Takes reports whether files of the kind can be converted here, and else why not.
func (c *Converter) Takes(k Kind) error {
	if k == PPTX && c.office == "" {
		return errors.New(noOffice)
	}
	return nil
}

// Page is one page of a file.
type Page struct {
	Number   int // from 1
	Text     string
	Pictures []Picture // one for each of Sizes
}

// Picture is a JPEG file.
type Picture struct {
	Size          int // of Sizes
	Width, Height int
	Path          string // is gone when Convert goes on
}

// Convert hands the pages of a file to each, in order, as they are made, with how many there are. What it makes lies in
// folder, which must be empty. Errors: those above, each's, the context's.
func (c *Converter) Convert(ctx context.Context, kind Kind, file, folder string, each func(p Page, of int) error) error {
	if err := c.Takes(kind); err != nil {
		return err
	}
	switch {
	case kind.Picture():
		return c.picture(ctx, kind, file, folder, each)
	case kind == PPTX:
		pdf, err := c.toPDF(ctx, file, folder)
		if err != nil {
			return err
		}
		file = pdf
	}
	pages, err := c.pages(ctx, file)
	if err != nil {
		return err
	}
	for from := 1; from <= pages; from += atOnce {
		made, err := c.draw(ctx, file, folder, from, min(pages, from+atOnce-1))
		if err != nil {
			return err
		}
		for _, page := range made {
			if err := each(page, pages); err != nil {
				return err
			}
		}
	}
	return nil
}

var saysPages = regexp.MustCompile(`(?m)^Pages: +(\d+)$`)

func (c *Converter) pages(ctx context.Context, file string) (int, error) {
	said, err := c.jail.run(ctx, look{file: file}, "pdfinfo", "/in/file")
	if err != nil {
		return 0, err
	}
	m := saysPages.FindSubmatch(said)
	if m == nil {
		return 0, ErrBroken
	}
	n, err := strconv.Atoi(string(m[1]))
	switch {
	case err != nil || n < 1:
		return 0, ErrBroken
	case n > MaxPages:
		return 0, ErrManyPages
	}
	return n, nil
}

// draw makes some pages of a PDF file. The long side is given, so that no page is larger than it, however it is made.
func (c *Converter) draw(ctx context.Context, file, folder string, from, to int) ([]Page, error) {
	out, err := os.MkdirTemp(folder, "pages")
	if err != nil {
		return nil, err
	}
	pages := make([]Page, to-from+1)
	of := []string{"-f", strconv.Itoa(from), "-l", strconv.Itoa(to)}
	for _, size := range Sizes {
		name := "p" + strconv.Itoa(size)
		args := append([]string{"-q", "-jpeg", "-jpegopt", "quality=" + quality, "-scale-to", strconv.Itoa(size)}, of...)
		if _, err := c.jail.run(ctx, look{file, out}, "pdftoppm", append(args, "/in/file", "/out/"+name)...); err != nil {
			return nil, err
		}
		files, err := filepath.Glob(filepath.Join(out, name+"-*.jpg"))
		if err != nil || len(files) != len(pages) {
			return nil, ErrBroken
		}
		sort.Strings(files)
		for i, path := range files {
			if err := pages[i].add(size, path); err != nil {
				return nil, err
			}
		}
	}
	text, err := c.jail.run(ctx, look{file: file}, "pdftotext", append(append([]string{"-q", "-enc", "UTF-8"}, of...), "/in/file", "-")...)
	if err != nil {
		return nil, err
	}
	texts := bytes.Split(text, []byte("\f"))
	for i := range pages {
		pages[i].Number = from + i
		if i < len(texts) {
			pages[i].Text = plain(texts[i])
		}
	}
	return pages, nil
}

func (p *Page) add(size int, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	c, kind, err := image.DecodeConfig(f)
	if err != nil || kind != "jpeg" {
		return ErrBroken
	}
	p.Pictures = append(p.Pictures, Picture{size, c.Width, c.Height, path})
	return nil
}

// plain is text that a database can hold: valid, without control characters, of bounded length.
func plain(b []byte) string {
	s := strings.Map(func(c rune) rune {
		switch {
		case c == '\n' || c == '\t':
			return c
		case c < ' ' || c == 0x7f || c == utf8.RuneError:
			return -1
		}
		return c
	}, strings.ToValidUTF8(string(b[:min(len(b), maxText)]), ""))
	return strings.TrimSpace(s)
}

// picture makes a page of a picture. FFmpeg is told what it reads, and that it may open nothing else.
func (c *Converter) picture(ctx context.Context, kind Kind, file, folder string, each func(Page, int) error) error {
	if c.ffmpeg == "" {
		return fmt.Errorf("%w: ffmpeg is not installed", ErrUnable)
	}
	page := Page{Number: 1}
	for _, size := range Sizes {
		scale := fmt.Sprintf("scale=w='min(%d,iw)':h='min(%d,ih)':force_original_aspect_ratio=decrease:flags=area", size, size)
		name := "p" + strconv.Itoa(size) + ".jpg"
		_, err := c.jail.run(ctx, look{file, folder}, c.ffmpeg, "-nostdin", "-v", "error", "-threads", "1", "-protocol_whitelist", "file",
			"-f", string(kind)+"_pipe", "-i", "/in/file", "-map_metadata", "-1", "-frames:v", "1", "-vf", scale, "-pix_fmt", "yuvj420p",
			"-q:v", "4", "-f", "mjpeg", "/out/"+name)
		if err != nil {
			return err
		}
		if err := page.add(size, filepath.Join(folder, name)); err != nil {
			return err
		}
	}
	return each(page, 1)
}

// toPDF has LibreOffice make a PDF file of a presentation.
func (c *Converter) toPDF(ctx context.Context, file, folder string) (string, error) {
	_, err := c.jail.run(ctx, look{file, folder}, c.office, "-env:UserInstallation=file:///tmp/office", "--headless", "--norestore",
		"--convert-to", "pdf:impress_pdf_Export", "--outdir", "/out", "/in/file")
	if err != nil {
		return "", err
	}
	pdf := filepath.Join(folder, "file.pdf")
	if _, err := os.Stat(pdf); err != nil {
		return "", ErrBroken
	}
	return pdf, nil
}
