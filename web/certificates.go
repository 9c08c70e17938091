package web

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"lectern/lms"
	"lectern/lms/certificate"
	"lectern/lms/credential"
	"lectern/storage/postgres"
)

// DrawCertificate makes the PDF of a certificate. The same certificate is always the same file.
func (s *Server) DrawCertificate(c postgres.Certificate) ([]byte, error) {
	return s.fonts.Draw(certificate.Document{
		Fields: c.Raw, Issued: c.IssuedAt, QR: credential.QRAddress(s.public(""), c.Fields.Number, c.Claim), Badge: c.Badge,
	})
}

// certificatePage shows a certificate to its holder, as HTML that a screen reader can read, with its files.
type certificatePage struct {
	frame
	verdict
	Path, Share string
}

func getCertificate(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	held, err := s.ownCertificate(r, c)
	if err != nil {
		return err
	}
	say := s.words(r)
	page := certificatePage{
		frame: frame{Title: "certificate.title", Person: c.actor.Name}, verdict: s.newVerdict(say, held),
		Path: "/certificates/" + string(held.Fields.Number), Share: credential.QRAddress(s.public(""), held.Fields.Number, held.Claim),
	}
	return s.pages.write(w, say, http.StatusOK, "certificate", page)
}

func (s *Server) ownCertificate(r *http.Request, c *call) (postgres.Certificate, error) {
	number, err := lms.ParseCertificateNumber(r.PathValue("number"))
	if err != nil {
		return postgres.Certificate{}, lms.ErrNotFound
	}
	return s.db.Certificate(r.Context(), c.actor, number)
}

// getCertificateFile sends a certificate as a PDF or as its Open Badges credential.
func getCertificateFile(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	held, err := s.ownCertificate(r, c)
	if err != nil {
		return err
	}
	kind, file := "application/pdf", []byte(nil)
	switch r.PathValue("file") {
	case "certificate.pdf":
		if file, err = s.DrawCertificate(held); err != nil {
			return err
		}
	case "credential.jws":
		kind, file = "application/vc+jwt", []byte(held.Badge)
	default:
		return lms.ErrNotFound
	}
	_, ending, _ := strings.Cut(r.PathValue("file"), ".")
	return sendFile(w, kind, fmt.Sprintf("certificate-%s.%s", held.Fields.Number, ending), file)
}

func sendFile(w http.ResponseWriter, kind, name string, file []byte) error {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	w.Header().Set("Content-Length", strconv.Itoa(len(file)))
	_, err := w.Write(file)
	return ignoreGone(err)
}

// transcriptPage lists all that somebody holds.
type transcriptPage struct {
	frame
	Name  string
	Rows  []certificateRow
	Years []transcriptYear
}

type transcriptYear struct {
	Year, Credit, Sum string
}

// getTranscript sends the certificates that the reader holds: as a page, as a table for a spreadsheet, or as a PDF.
func getTranscriptOfCredit(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	held, err := s.db.Transcript(r.Context(), c.actor)
	if err != nil {
		return err
	}
	say := s.words(r)
	switch r.PathValue("file") {
	case "transcript.html":
		page := transcriptPage{frame: frame{Title: "transcript.title", Person: c.actor.Name}, Name: c.actor.Name, Years: sumsByYear(held)}
		for _, h := range held {
			row := newCertificateRow(say, h)
			row.Name = h.Fields.Activity + ", " + h.Fields.CreditName
			page.Rows = append(page.Rows, row)
		}
		return s.pages.write(w, say, http.StatusOK, "transcript", page)
	case "transcript.csv":
		return sendFile(w, "text/csv; charset=utf-8", "transcript.csv", transcriptCSV(held))
	case "transcript.pdf":
		file, err := s.fonts.DrawTranscript(c.actor.Name, transcriptRows(held), s.now())
		if err != nil {
			return err
		}
		return sendFile(w, "application/pdf", "transcript.pdf", file)
	}
	return lms.ErrNotFound
}

func transcriptRows(held []postgres.Certificate) []lms.CertificateFields {
	rows := make([]lms.CertificateFields, 0, len(held))
	for _, h := range held {
		rows = append(rows, h.Fields)
	}
	return rows
}

// sumsByYear adds credits up by the year they were issued in and their kind.
func sumsByYear(held []postgres.Certificate) []transcriptYear {
	var sums []transcriptYear
	totals := map[transcriptYear]lms.Credit{}
	for _, h := range held {
		key := transcriptYear{Year: h.Fields.IssuedOn[:4], Credit: h.Fields.CreditName}
		if _, there := totals[key]; !there {
			sums = append(sums, key)
		}
		totals[key] += h.Fields.Amount
	}
	for i, key := range sums {
		sums[i].Sum = totals[key].String()
	}
	return sums
}

// transcriptCSV is a table with a byte order mark, for spreadsheets, in which no cell is taken for a formula.
func transcriptCSV(held []postgres.Certificate) []byte {
	var b bytes.Buffer
	b.WriteString("\ufeff")
	table := csv.NewWriter(&b)
	table.UseCRLF = true
	_ = table.Write([]string{"number", "activity", "programme", "credit", "amount", "provider", "held_on", "issued_on"})
	for _, h := range held {
		f := h.Fields
		cells := []string{f.Number.String(), f.Activity, f.Programme, f.CreditName, f.Amount.String(), credential.IssuerName(f), f.HeldOn, f.IssuedOn}
		for i := range cells {
			cells[i] = plainCell(cells[i])
		}
		_ = table.Write(cells) // into memory
	}
	table.Flush()
	return b.Bytes()
}

// plainCell keeps a spreadsheet from taking a cell for a formula.
func plainCell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

// getPARS sends the certificates of a programme as a batch file for ACCME's PARS: tab-delimited, a learner's completion
// in each line. Birth day and licence are not known here; who uploads the file fills them in.
func getPARS(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	held, err := s.db.CertificatesOf(r.Context(), c.actor, c.programme, maxListed)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	b.WriteString(strings.Join([]string{
		"ActivityTitle", "FirstName", "LastName", "BirthMonth", "BirthDay", "LicenseState", "LicenseId", "CompletionDate", "CreditsEarned", "ProviderLearnerReference",
	}, "\t") + "\r\n")
	for _, h := range held {
		f := h.Fields
		if h.Status != lms.CertificateValid || f.Amount == 0 || h.Course == "" {
			continue
		}
		completed, err := time.Parse(time.DateOnly, f.CompletedOn)
		if err != nil {
			return fmt.Errorf("day of completion: %w", err)
		}
		first, last := givenAndFamily(f.Name)
		b.WriteString(strings.Join([]string{
			plainCell(f.Activity), plainCell(first), plainCell(last), "", "", "", "", completed.Format("01/02/2006"), f.Amount.String(), string(f.Number),
		}, "\t") + "\r\n")
	}
	return sendFile(w, "text/tab-separated-values; charset=utf-8", "pars.txt", b.Bytes())
}

// maxListed bounds lists of certificates.
const maxListed = 20000

// givenAndFamily divides a name as PARS wants it. Titles go; the last word counts as the family name.
func givenAndFamily(name string) (given, family string) {
	words := strings.Fields(name)
	for len(words) > 1 && (strings.HasSuffix(words[0], ".") || strings.EqualFold(words[0], "dr") || strings.EqualFold(words[0], "prof")) {
		words = words[1:]
	}
	if len(words) < 2 {
		return "", strings.Join(words, " ")
	}
	return strings.Join(words[:len(words)-1], " "), words[len(words)-1]
}
