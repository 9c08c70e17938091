package web

import (
	"encoding/csv"
	"net/http"
	"strings"
	"time"

	"lectern/lms"
	"lectern/storage/postgres"
)

// postCodes makes a batch. Its codes are in the answer, as JSON or, when a program asks for text/csv, as the sheet that is
// printed, and never again.
func postCodes(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	var body struct {
		Label     string     `json:"label"`
		Brand     string     `json:"brand"`
		Count     int        `json:"count"`
		Uses      int        `json:"uses"`
		ExpiresAt *time.Time `json:"expires_at"`
		BoundTo   []string   `json:"bound_to"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	in := postgres.NewBatch{Label: body.Label, Brand: body.Brand, Count: body.Count, Uses: body.Uses, ExpiresAt: body.ExpiresAt}
	for _, text := range body.BoundTo {
		email, err := lms.ParseEmail(text)
		if err != nil {
			return &lms.Problem{Kind: lms.ErrInvalid, Field: "bound_to", Message: "One of the addresses cannot be read. Enter one on each line, like name@hospital.org."}
		}
		in.BoundTo = append(in.BoundTo, email)
	}
	batch, codes, err := s.db.CreateCodes(r.Context(), c.actor, c.programme, in)
	if err != nil {
		return err
	}
	shown := make([]string, 0, len(codes))
	for _, code := range codes {
		shown = append(shown, branded(batch.Brand, code))
	}
	if strings.HasPrefix(r.Header.Get("Accept"), "text/csv") {
		return writeCodes(w, shown, in.BoundTo)
	}
	return writeJSON(w, http.StatusCreated, struct {
		Batch   batchView   `json:"batch"`
		Codes   []string    `json:"codes"`
		BoundTo []lms.Email `json:"bound_to,omitempty"` // of each code
	}{batchView(batch), shown, in.BoundTo})
}

// branded is a code as it is printed.
func branded(brand string, code lms.AccessCode) string {
	if brand == "" {
		return code.String()
	}
	return brand + "-" + code.String()
}

// writeCodes writes the sheet. Cells are no formulas, whatever they hold (ASVS 5.0, 1.2.10).
func writeCodes(w http.ResponseWriter, codes []string, bound []lms.Email) error {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="codes.csv"`)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusCreated)
	sheet := csv.NewWriter(w)
	sheet.UseCRLF = true
	head := []string{"code"}
	if len(bound) > 0 {
		head = append(head, "email")
	}
	_ = sheet.Write(head) // what fails is told by Error
	for i, code := range codes {
		row := []string{csvText(code)}
		if len(bound) > 0 {
			row = append(row, csvText(bound[i].String()))
		}
		_ = sheet.Write(row)
	}
	sheet.Flush()
	return ignoreGone(sheet.Error())
}

func deleteCodes(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	batch, err := lms.ParseID[lms.BatchID](r.PathValue("batch"))
	if err != nil {
		return err
	}
	if err := s.db.RevokeBatch(r.Context(), c.actor, c.programme, batch); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// codeView is how one code stands, for an admin.
type codeView struct {
	Batch     lms.BatchID    `json:"batch"`
	Label     string         `json:"label"`
	Used      int            `json:"used"`
	Uses      int            `json:"uses"`
	BoundTo   lms.Email      `json:"bound_to"`
	ExpiresAt *time.Time     `json:"expires_at"`
	Revoked   bool           `json:"revoked"`
	Holders   []lms.PersonID `json:"holders"`
}

// readCode reads the code in the body: it is a secret, so it stands in no address.
func readCode(r *http.Request) (lms.AccessCode, error) {
	var body struct {
		Code string `json:"code"`
	}
	if err := readJSON(r, &body); err != nil {
		return "", err
	}
	return lms.ParseAccessCode(body.Code)
}

func postCodeLookUp(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	code, err := readCode(r)
	if err != nil {
		return err
	}
	found, err := s.db.LookUpCode(r.Context(), c.actor, c.programme, code)
	if err != nil {
		return err
	}
	if found.Holders == nil {
		found.Holders = []lms.PersonID{}
	}
	return writeJSON(w, http.StatusOK, codeView{found.Batch, found.Label, found.Uses, found.MaxUses, found.BoundTo, found.ExpiresAt, found.Revoked, found.Holders})
}

func postCodeRevoke(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	code, err := readCode(r)
	if err != nil {
		return err
	}
	if err := s.db.RevokeCode(r.Context(), c.actor, c.programme, code); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// deleteLinks ends the personal links of somebody and the sessions that came of them.
func deleteLinks(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	person, err := lms.ParseID[lms.PersonID](r.PathValue("person"))
	if err != nil {
		return err
	}
	if err := s.db.RevokeJoinLinks(r.Context(), c.actor, c.programme, person); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
