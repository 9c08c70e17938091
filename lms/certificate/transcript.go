package certificate

import (
	"fmt"
	"time"

	"codeberg.org/go-pdf/fpdf"

	"lectern/lms"
	"lectern/lms/credential"
)

// Transcript's measures in points, on A4 portrait.
const (
	transcriptTop  = 150.0
	transcriptStep = 34.0
	transcriptFoot = 60.0
)

// DrawTranscript makes a PDF that lists certificates, with the number of each, by which it can be checked.
func (f *Fonts) DrawTranscript(name string, rows []lms.CertificateFields, at time.Time) ([]byte, error) {
	s := f.newSheet(fpdf.SizeType{Wd: 595.28, Ht: 841.89}, at)
	heading, made := "Transcript of credit", "As of "+at.UTC().Format("2 January 2006")+". Each certificate can be checked by its number."
	texts := []string{heading, name, made, "0123456789., "}
	for _, r := range rows {
		texts = append(texts, r.Activity, r.Programme, r.CreditName, credential.IssuerName(r), r.Number.String(), longDay(r.IssuedOn))
	}
	s.useRunes(texts...)
	s.pdf.SetTitle(heading, true)
	inner := s.width - 2*margin
	page := 0
	newPage := func() float64 {
		page++
		s.pdf.AddPage()
		s.pdf.SetFont("text", "", 1)
		s.fill(colourOf(lms.DefaultDesign().Accent))
		s.pdf.Rect(0, 0, s.width, 9, "F")
		s.text(heading, s.bold, margin, 60, 18, inner, left)
		s.fill(soft)
		s.text(fmt.Sprint(page), s.regular, margin, s.height-30, 8, inner, right)
		s.text(made, s.regular, margin, 112, 9, inner, left)
		s.fill(ink)
		for _, l := range s.fit(name, s.regular, 16, 10, inner) {
			s.draw(l, margin, 92, inner, left)
		}
		return transcriptTop
	}
	y := newPage()
	for _, r := range rows {
		if y > s.height-transcriptFoot {
			y = newPage()
		}
		s.fill(hair)
		s.pdf.Rect(margin, y-15, inner, 0.6, "F")
		s.fill(ink)
		for _, l := range s.fit(r.Activity, s.bold, 10, 6, inner-150) {
			s.draw(l, margin, y, inner-150, left)
		}
		s.text(r.Amount.String(), s.bold, margin+inner-140, y, 10, 50, right)
		s.text(longDay(r.IssuedOn), s.regular, margin+inner-85, y, 8.5, 85, right)
		s.fill(soft)
		for _, l := range s.fit(r.CreditName+", "+credential.IssuerName(r), s.regular, 8.5, 5, inner-150) {
			s.draw(l, margin, y+12, inner-150, left)
		}
		s.text(r.Number.String(), s.regular, margin+inner-140, y+12, 8.5, 140, right)
		y += transcriptStep
	}
	return s.finish()
}
