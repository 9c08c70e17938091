package certificate

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"github.com/boombuler/barcode/qr"

	"lectern/lms"
	"lectern/lms/credential"
)

// Document is a certificate with its proofs.
type Document struct {
	Fields []byte // the stored JSON of lms.CertificateFields, whose digest the credential holds
	Issued time.Time
	QR     string // what the QR code holds: the address with the sealed claim; empty in a preview
	Badge  string // the Open Badges credential as a compact JWS; empty in a preview
	// Sample marks a preview, which must not pass for a certificate.
	Sample bool
}

// Names of the files attached to the PDF.
const (
	FieldsFile = "fields.json"
	BadgeFile  = "credential.jws"
	ClaimFile  = "claim.txt"
)

// ErrNoFont is a text with a character that no font on this machine has.
var ErrNoFont = errors.New("no font has this character")

// layout is the version of the page that this program draws.
const layout = 1

// Layout is the number that new certificates carry.
const Layout = layout

// papers are sizes in points, landscape.
var papers = map[string]fpdf.SizeType{"a4": {Wd: 841.89, Ht: 595.28}, "letter": {Wd: 792, Ht: 612}}

// Draw makes the PDF. Errors wrap ErrNoFont when the name cannot be written here.
func (f *Fonts) Draw(d Document) ([]byte, error) {
	var fields lms.CertificateFields
	if err := json.Unmarshal(d.Fields, &fields); err != nil {
		return nil, fmt.Errorf("read the certificate's fields: %w", err)
	}
	if fields.Layout != layout {
		return nil, fmt.Errorf("this program draws layout %d, not %d", layout, fields.Layout)
	}
	paper, ok := papers[fields.Design.Paper]
	if !ok {
		paper = papers["a4"]
	}
	s := f.newSheet(paper, d.Issued)
	page := certificatePage{sheet: s, f: fields, accent: colourOf(fields.Design.Accent)}
	s.useRunes(page.allText(d)...)
	s.pdf.SetTitle(fields.Activity+" - "+fields.Name, true)
	s.pdf.SetSubject("Certificate "+fields.Number.String(), true)
	s.pdf.SetAuthor(credential.IssuerName(fields), true)
	s.pdf.AddPage()
	s.pdf.SetFont("text", "", 1)
	if err := page.draw(d); err != nil {
		return nil, err
	}
	if !d.Sample {
		s.pdf.SetAttachments([]fpdf.Attachment{
			{Content: []byte(d.Badge), Filename: BadgeFile, Description: "Open Badges 3.0 credential (JWT)"},
			{Content: d.Fields, Filename: FieldsFile, Description: "All that is printed"},
			{Content: []byte(d.QR), Filename: ClaimFile, Description: "What the QR code holds"},
		})
	}
	return s.finish()
}

// newSheet begins a document whose bytes depend on its content alone.
func (f *Fonts) newSheet(paper fpdf.SizeType, at time.Time) *sheet {
	pdf := fpdf.NewCustom(&fpdf.InitType{OrientationStr: "P", UnitStr: "pt", Size: paper})
	pdf.SetCreationDate(at.UTC())
	pdf.SetModificationDate(at.UTC())
	pdf.SetCatalogSort(true)
	pdf.SetProducer("Lectern", true)
	pdf.SetLang("en")
	pdf.SetAutoPageBreak(false, 0)
	pdf.SetMargins(0, 0, 0)
	return &sheet{pdf: pdf, width: paper.Wd, height: paper.Ht, regular: newStyle(f.regular), bold: newStyle(f.bold)}
}

// useRunes tells which characters the document has.
func (s *sheet) useRunes(texts ...string) {
	s.pdf.AddUTF8FontFromBytes("text", "", blankFont([]rune(strings.Join(texts, "")+" ")))
}

func (s *sheet) finish() ([]byte, error) {
	for _, face := range []*style{s.regular, s.bold} {
		if face.missing != 0 {
			return nil, fmt.Errorf("U+%04X: %w; on Debian install fonts-noto-core and fonts-noto-cjk", face.missing, ErrNoFont)
		}
	}
	var b bytes.Buffer
	if err := s.pdf.Output(&b); err != nil {
		return nil, fmt.Errorf("write PDF: %w", err)
	}
	return b.Bytes(), nil
}

type colour struct{ r, g, b int }

var (
	ink  = colour{26, 26, 23}
	soft = colour{92, 91, 84}
	hair = colour{214, 211, 200}
)

func colourOf(hex string) colour {
	n, err := strconv.ParseUint(strings.TrimPrefix(hex, "#"), 16, 32)
	if err != nil || len(hex) != 7 {
		return ink
	}
	return colour{int(n >> 16 & 255), int(n >> 8 & 255), int(n & 255)}
}

func (s *sheet) fill(c colour) { s.pdf.SetFillColor(c.r, c.g, c.b) }

// certificatePage is layout 1.
type certificatePage struct {
	*sheet
	f      lms.CertificateFields
	accent colour
}

// allText is every text that draw places.
func (p *certificatePage) allText(d Document) []string {
	texts := []string{
		p.f.Name, p.f.Activity, p.f.Programme, p.f.CreditName, p.amount(), p.f.Statement, p.f.Profession, credential.IssuerName(p.f), p.f.Design.Heading,
		p.how(), p.f.Number.String(), p.when(), d.QR, awarded, forCompleting, sample, "Check it at ",
	}
	for _, s := range p.f.Design.Signatories {
		texts = append(texts, s.Name, s.Title)
	}
	return texts
}

const (
	awarded       = "This is to certify that"
	forCompleting = "has completed"
	sample        = "SAMPLE"
	margin        = 54.0
)

func (p *certificatePage) amount() string {
	if p.f.Amount == 0 {
		return p.f.CreditName
	}
	return p.f.Amount.String() + "  " + p.f.CreditName
}

func (p *certificatePage) how() string { return credential.How(p.f) }

func (p *certificatePage) when() string {
	text := "Issued " + longDay(p.f.IssuedOn)
	if p.f.HeldOn != "" {
		text = "Held " + longDay(p.f.HeldOn) + ". " + text
	}
	return text + ". Completed " + longDay(p.f.CompletedOn) + "."
}

// longDay writes 2026-10-31 as 31 October 2026, which nobody misreads.
func longDay(iso string) string {
	t, err := time.Parse(time.DateOnly, iso)
	if err != nil {
		return iso
	}
	return t.Format("2 January 2006")
}

func (p *certificatePage) draw(d Document) error {
	inner := p.width - 2*margin
	p.fill(p.accent)
	p.pdf.Rect(0, 0, p.width, 9, "F")
	top := 46.0
	if p.f.Design.Logo != "" {
		if err := p.logo(margin, 30, 150, 46); err != nil {
			return err
		}
	}
	p.fill(soft)
	p.text(credential.IssuerName(p.f), p.regular, margin+170, top+12, 12, inner-170, right)

	p.fill(p.accent)
	p.text(strings.ToUpper(p.f.Design.Heading), p.bold, margin, 128, 17, inner, centre)
	p.fill(soft)
	p.text(awarded, p.regular, margin, 160, 12, inner, centre)
	p.fill(ink)
	y := 208.0
	for _, l := range p.fit(p.f.Name, p.regular, 40, 22, inner) {
		p.draw1(l, y, inner)
		y += l.size * 1.3
	}
	y = max(y-14, 240)
	p.fill(hair)
	p.pdf.Rect(p.width/2-110, y-16, 220, 0.8, "F")
	p.fill(soft)
	p.text(forCompleting, p.regular, margin, y+6, 12, inner, centre)
	p.fill(ink)
	y += 36
	for _, l := range p.fit(p.f.Activity, p.bold, 20, 14, inner) {
		p.draw1(l, y, inner)
		y += l.size * 1.3
	}
	p.fill(soft)
	if p.f.Programme != p.f.Activity {
		y = p.text(p.f.Programme, p.regular, margin, y, 12, inner, centre)
	}
	p.fill(p.accent)
	y = p.text(p.amount(), p.bold, margin, y+16, 17, inner, centre)
	p.fill(ink)
	y = p.text(p.how(), p.regular, margin, y-2, 10.5, inner, centre)
	p.fill(soft)
	p.text(p.f.Statement, p.regular, margin+70, y+3, 8.5, inner-140, centre)
	p.foot(d)
	if d.Sample {
		p.fill(colour{190, 60, 40})
		p.text(sample, p.bold, margin, 96, 22, inner, left)
	}
	return nil
}

// draw1 places a line in the middle of the page.
func (p *certificatePage) draw1(l line, y, inner float64) { p.sheet.draw(l, margin, y, inner, centre) }

// foot places signatories, dates, number and the QR code.
func (p *certificatePage) foot(d Document) {
	const code = 104.0
	base := p.height - 46
	codeLeft := p.width - margin - code
	if d.QR != "" {
		p.qr(d.QR, codeLeft, base-code-20, code)
	}
	p.fill(ink)
	p.text(p.f.Number.String(), p.bold, codeLeft-60, base-4, 9.5, code+60, right)
	host, _, _ := strings.Cut(d.QR, "#")
	if at := strings.LastIndex(host, "/v/"); at > 0 {
		p.fill(soft)
		p.text("Check it at "+host[:at+2], p.regular, codeLeft-200, base+9, 8, code+200, right)
	}
	p.fill(soft)
	p.text(p.when(), p.regular, margin, base+9, 8.5, codeLeft-margin-210, left)
	wide := (codeLeft - margin - 30) / 3
	for i, s := range p.f.Design.Signatories {
		x := margin + float64(i)*wide
		p.fill(hair)
		p.pdf.Rect(x, base-54, wide-24, 0.8, "F")
		p.fill(ink)
		for _, l := range p.fit(s.Name, p.bold, 10.5, 7, wide-24) {
			p.sheet.draw(l, x, base-40, wide-24, left)
		}
		p.fill(soft)
		p.text(s.Title, p.regular, x, base-27, 8.5, wide-24, left)
	}
}

// logo places the picture of the design in a box, in its upper left corner.
func (p *certificatePage) logo(x, y, wide, high float64) error {
	kind, data, _ := strings.Cut(strings.TrimPrefix(p.f.Design.Logo, "data:image/"), ";base64,")
	raw, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return fmt.Errorf("read the logo: %w", err)
	}
	options := fpdf.ImageOptions{ImageType: map[string]string{"png": "PNG", "jpeg": "JPG"}[kind]}
	info := p.pdf.RegisterImageOptionsReader("logo", options, bytes.NewReader(raw))
	if p.pdf.Err() {
		return fmt.Errorf("read the logo: %w", p.pdf.Error())
	}
	scale := min(wide/info.Width(), high/info.Height())
	p.pdf.ImageOptions("logo", x, y, info.Width()*scale, info.Height()*scale, false, options, 0, "")
	return nil
}

// qr draws a code as rectangles, one for each row's run of dark modules. Level M survives a fold or a stamp on 15 %.
func (s *sheet) qr(content string, x, y, size float64) {
	code, err := qr.Encode(content, qr.M, qr.Auto)
	if err != nil {
		s.pdf.SetErrorf("QR code: %v", err)
		return
	}
	n := code.Bounds().Dx()
	module := size / float64(n)
	s.fill(colour{0, 0, 0})
	for row := range n {
		for from := 0; from < n; {
			to := from
			for to < n {
				if r, _, _, _ := code.At(to, row).RGBA(); r != 0 {
					break
				}
				to++
			}
			if to > from {
				s.pdf.RawWriteStr(number(x+float64(from)*module, 3) + " " + number(s.height-y-float64(row+1)*module, 3) + " " +
					number(float64(to-from)*module, 3) + " " + number(module+0.02, 3) + " re f")
			}
			from = max(to, from) + 1
		}
	}
}
