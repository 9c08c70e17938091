package document

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"strings"
)

// writePDF makes a PDF file of objects, the first of which is the catalogue, with a right table of where they are.
func writePDF(objects ...string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	var at []int
	for i, o := range objects {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	table := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, offset := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, table)
	return b.Bytes()
}

func stream(content string) string {
	return fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(content), content)
}

// slides is a PDF file of landscape pages, each with one line of text. More stands in its catalogue.
func slides(more string, lines ...string) []byte {
	objects := []string{"<< /Type /Catalog /Pages 2 0 R " + more + " >>", "", "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"}
	var kids []string
	for _, line := range lines {
		page := len(objects) + 1
		kids = append(kids, fmt.Sprintf("%d 0 R", page))
		objects = append(
			objects,
			fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 800 450] /Resources << /Font << /F 3 0 R >> >> /Contents %d 0 R >>", page+1),
			stream("BT /F 36 Tf 60 220 Td ("+line+") Tj ET"),
		)
	}
	objects[1] = fmt.Sprintf("<< /Type /Pages /Count %d /Kids [%s] >>", len(lines), strings.Join(kids, " "))
	return writePDF(objects...)
}

// flood is a PDF file of one page of 50,000 x 50,000 points with a picture of as many dots.
func flood() []byte {
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	_, _ = io.CopyN(w, zeros{}, 64<<20)
	_ = w.Close()
	return writePDF(
		"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 50000 50000] /Resources << /XObject << /I 4 0 R >> >> /Contents 5 0 R >>",
		fmt.Sprintf("<< /Type /XObject /Subtype /Image /Width 50000 /Height 50000 /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream", packed.Len(), packed.String()),
		stream("50000 0 0 50000 0 0 cm /I Do"),
	)
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// hugePNG says that it has 50,000 x 50,000 points.
func hugePNG() []byte {
	header := binary.BigEndian.AppendUint32([]byte("IHDR"), 50_000)
	header = append(binary.BigEndian.AppendUint32(header, 50_000), 8, 2, 0, 0, 0)
	b := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), header...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(header))
}

// hugeJPEG says the same in its frame header.
func hugeJPEG() []byte {
	return []byte("\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xc0\x00\x11\x08\xc3\x50\xc3\x50\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01")
}

// hugeWebP says that it has 16,384 x 16,384 points, the most there is.
func hugeWebP() []byte {
	return []byte("RIFF\x20\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\xff\x3f\x00\xff\x3f\x00\x00\x00")
}

func photo(encode func(io.Writer, image.Image) error) []byte {
	m := image.NewRGBA(image.Rect(0, 0, 2000, 1000))
	for x := range 2000 {
		m.Set(x, x/2, color.RGBA{200, 30, 60, 255})
	}
	var b bytes.Buffer
	if err := encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func photoJPEG() []byte {
	return photo(func(w io.Writer, m image.Image) error { return jpeg.Encode(w, m, nil) })
}
func photoPNG() []byte { return photo(png.Encode) }

// office is an Office file whose main part has this type, with more files that say they unpack to so many bytes.
func office(mainType string, more map[string]uint64) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	add := func(name string, body io.Reader) {
		w, err := z.Create(name)
		if err == nil {
			_, err = io.Copy(w, body)
		}
		if err != nil {
			panic(err)
		}
	}
	add("[Content_Types].xml", strings.NewReader(`<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/main.xml" ContentType="`+mainType+`"/></Types>`))
	for name, size := range more {
		if _, err := z.CreateRaw(&zip.FileHeader{Name: name, Method: zip.Deflate, UncompressedSize64: size}); err != nil {
			panic(err)
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}
