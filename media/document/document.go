// Package document makes pictures and text of the slides and handouts that people upload. It trusts no file: a kind is told
// from the content, and every program that reads one runs in a sandbox without network, which sees that file, the system's
// programs and an empty folder, and is stopped when it takes too much time, memory or room.
package document

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // for the size of a picture, which is read before anything decodes it
	_ "image/png"
	"io"
	"path"
	"strings"
)

// Kind is what a file is.
type Kind string

// The kinds we take.
const (
	PDF  Kind = "pdf"
	PPTX Kind = "pptx" // ISO/IEC 29500, without macros
	PNG  Kind = "png"
	JPEG Kind = "jpeg"
	WebP Kind = "webp"
)

// Type is the media type of a kind.
func (k Kind) Type() string {
	switch k {
	case PDF:
		return "application/pdf"
	case PPTX:
		return "application/vnd.openxmlformats-officedocument.presentationml.presentation"
	}
	return "image/" + string(k)
}

// Picture reports whether the file is one picture rather than pages.
func (k Kind) Picture() bool { return k == PNG || k == JPEG || k == WebP }

// Bounds of a file, beside its size.
const (
	// MaxPages is how many pages are shown.
	MaxPages = 300
	// maxPixels bounds a picture: a camera's has 12 to 50 million.
	maxPixels = 60_000_000
	// maxUnpacked bounds what an Office file says it unpacks to, maxEntries how many files that are.
	maxUnpacked = 512 << 20
	maxEntries  = 5000
	// maxManifest bounds the list of an Office file's parts.
	maxManifest = 1 << 20
)

// Why a file is not taken. They say what to do, for the person who uploads it.
var (
	ErrUnknown   = errors.New("this is no PDF, PowerPoint (.pptx) or picture (PNG, JPEG, WebP)")
	ErrMacros    = errors.New("presentations with macros are not taken: save it as .pptx or PDF")
	ErrTooLarge  = errors.New("it unpacks to more than we take")
	ErrManyPages = fmt.Errorf("it has more than %d pages: split it", MaxPages)
	ErrLocked    = errors.New("it is protected by a password: remove the protection and upload it again")
	ErrBroken    = errors.New("it is damaged, or made in a way that our reader does not understand: save it as PDF anew")
	ErrTooHard   = errors.New("it takes too long or too much memory to draw: save it as PDF with smaller pictures")
	// ErrUnable is the server's fault, not the file's.
	ErrUnable = errors.New("this server cannot convert it")
)

// Sniff tells the kind of a file from its content, whatever it is called. The whole file must be there. A file that hides
// behind another kind's beginning is still treated as the kind it begins with, and never as anything else.
func Sniff(file io.ReaderAt, size int64) (Kind, error) {
	head := make([]byte, 16)
	n, err := file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	head = head[:n]
	switch {
	case bytes.HasPrefix(head, []byte("%PDF-")):
		return PDF, nil
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return PPTX, checkOffice(file, size)
	case bytes.HasPrefix(head, []byte("\x89PNG\r\n\x1a\n")):
		return PNG, checkPicture(file, size)
	case bytes.HasPrefix(head, []byte("\xff\xd8\xff")):
		return JPEG, checkPicture(file, size)
	case len(head) == 16 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP":
		return WebP, checkWebP(file)
	}
	return "", ErrUnknown
}

func checkPicture(file io.ReaderAt, size int64) error {
	c, _, err := image.DecodeConfig(io.NewSectionReader(file, 0, size))
	if err != nil || c.Width < 1 || c.Height < 1 {
		return ErrBroken
	}
	return checkPixels(c.Width, c.Height)
}

func checkPixels(width, height int) error {
	if int64(width)*int64(height) > maxPixels {
		return fmt.Errorf("%w: the picture has %d x %d points, at most %d million are taken", ErrTooLarge, width, height, maxPixels/1_000_000)
	}
	return nil
}

// checkWebP reads the size of a WebP picture (RFC 9649 section 2).
func checkWebP(file io.ReaderAt) error {
	b := make([]byte, 30)
	if _, err := file.ReadAt(b, 0); err != nil {
		return ErrBroken
	}
	u24 := func(at int) int { return int(b[at]) | int(b[at+1])<<8 | int(b[at+2])<<16 }
	switch string(b[12:16]) {
	case "VP8X":
		return checkPixels(u24(24)+1, u24(27)+1)
	case "VP8L":
		bits := u24(21) | int(b[24])<<24
		return checkPixels(bits&0x3fff+1, bits>>14&0x3fff+1)
	case "VP8 ":
		return checkPixels((int(b[26])|int(b[27])<<8)&0x3fff, (int(b[28])|int(b[29])<<8)&0x3fff)
	}
	return ErrBroken
}

// checkOffice holds a zip file to what a presentation without macros is, by its own list of parts (ISO/IEC 29500-2 section 7).
func checkOffice(file io.ReaderAt, size int64) error {
	z, err := zip.NewReader(file, size)
	if err != nil {
		return ErrUnknown
	}
	if len(z.File) > maxEntries {
		return ErrTooLarge
	}
	var unpacked uint64
	for _, f := range z.File {
		if unpacked += f.UncompressedSize64; unpacked > maxUnpacked {
			return ErrTooLarge
		}
		if strings.EqualFold(path.Base(f.Name), "vbaProject.bin") {
			return ErrMacros
		}
	}
	manifest, err := z.Open("[Content_Types].xml")
	if err != nil {
		return ErrUnknown
	}
	defer manifest.Close()
	var types struct {
		Override []struct {
			Type string `xml:"ContentType,attr"`
		}
		Default []struct {
			Type string `xml:"ContentType,attr"`
		}
	}
	if err := xml.NewDecoder(io.LimitReader(manifest, maxManifest)).Decode(&types); err != nil {
		return ErrUnknown
	}
	presentation := false
	for _, part := range append(types.Override, types.Default...) {
		if strings.Contains(part.Type, "macroEnabled") || strings.Contains(part.Type, "vbaProject") {
			return ErrMacros
		}
		presentation = presentation || part.Type == PPTX.Type()+".main+xml"
	}
	if !presentation {
		return ErrUnknown
	}
	return nil
}
