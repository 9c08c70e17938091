package web

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"lectern/lms"
	"lectern/lms/credential"
	"lectern/storage/postgres"
)

// verdict is what the page for checking says of a certificate: every printed field, so that an edited copy is seen.
type verdict struct {
	Found                              bool
	Status, Heading, About             string
	Name, Activity, Programme, Credit  string
	Amount, Provider, How, Issued      string
	Held, Completed, Statement, Number string
	Later                              string // number of the one that is valid now
	Signatories                        []lms.Signatory
}

type verifyPage struct {
	frame
	verdict
	Typed, Problem string
	Offline        bool // the shell that a browser keeps
}

func (s *Server) newVerdict(say *words, c postgres.Certificate) verdict {
	f := c.Fields
	v := verdict{
		Found: true, Status: string(c.Status), Name: f.Name, Activity: f.Activity, Programme: f.Programme, Credit: f.CreditName, Amount: f.Amount.String(),
		Provider: credential.IssuerName(f), How: credential.How(f), Issued: f.IssuedOn, Held: f.HeldOn, Completed: f.CompletedOn, Statement: f.Statement,
		Number: f.Number.String(), Heading: say.t("verify." + string(c.Status)), Signatories: f.Design.Signatories,
	}
	switch c.Status {
	case lms.CertificateValid:
		v.About = say.t("verify.valid_about")
	case lms.CertificateSuperseded:
		v.Later = c.SupersededBy.String()
		v.About = say.t("verify.changed_on", "day", lms.Day(*c.ChangedAt, "UTC"), "reason", c.Reason)
	case lms.CertificateRevoked:
		v.About = say.t("verify.changed_on", "day", lms.Day(*c.ChangedAt, "UTC"), "reason", say.t("verify.reason_"+c.Reason))
	}
	return v
}

// getVerify is the page for checking certificates: for a number in its form or its path, it says all that is printed and
// the status. What a QR code holds beyond the number stays in the browser, which checks the signature itself.
func getVerify(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	say := s.words(r)
	page := verifyPage{frame: frame{Title: "verify.title", Person: c.actor.Name, Script: "verify.js"}, Typed: r.PathValue("number")}
	w.Header().Set("X-Robots-Tag", "noindex, nofollow")
	if page.Typed == "" {
		page.Typed = r.URL.Query().Get("number")
	}
	if page.Typed == "" {
		return s.pages.write(w, say, http.StatusOK, "verify", page)
	}
	number, err := lms.ParseCertificateNumber(page.Typed)
	if err != nil {
		page.Problem = say.t("verify.malformed")
		return s.pages.write(w, say, http.StatusUnprocessableEntity, "verify", page)
	}
	found, err := s.db.VerifyCertificate(r.Context(), number)
	page.Typed = number.String()
	if err != nil {
		f, _, _ := explain(err)
		if f.status != http.StatusNotFound {
			return err
		}
		page.Problem = say.t("verify.unknown")
		return s.pages.write(w, say, http.StatusNotFound, "verify", page)
	}
	page.verdict = s.newVerdict(say, found)
	return s.pages.write(w, say, http.StatusOK, "verify", page)
}

// getVerifyWorker is the service worker that makes the page for checking work without a connection. It keeps the page, its
// styles and the public keys.
func getVerifyWorker(s *Server, w http.ResponseWriter, _ *http.Request, _ *call) error {
	files, err := s.static.styles()
	if err != nil {
		return err
	}
	script, err := s.static.url("verify.js")
	if err != nil {
		return err
	}
	list, err := json.Marshal(append(files, script, "/v", keysPath))
	if err != nil {
		return err
	}
	body := strings.Replace(string(verifyWorker), "[/* files */]", string(list), 1)
	body = strings.Replace(body, "/* version */", s.static.hash, 1)
	w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	w.Header().Set("Service-Worker-Allowed", "/v")
	_, err = w.Write([]byte(body))
	return ignoreGone(err)
}

const keysPath = "/.well-known/jwks.json"

// getKeys publishes the public halves of all keys that ever signed.
func getKeys(s *Server, w http.ResponseWriter, r *http.Request, _ *call) error {
	keys, err := s.db.SigningKeys(r.Context())
	if err != nil {
		return err
	}
	set, err := credential.JWKS(keys)
	if err != nil {
		return err
	}
	return publish(w, "application/jwk-set+json", set)
}

// publish sends what others may fetch from their own pages and keep for a minute.
func publish(w http.ResponseWriter, kind string, body []byte) error {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	w.Header().Set("Cache-Control", "public, max-age=60")
	_, err := w.Write(body)
	return ignoreGone(err)
}

// getIssuer is the profile of who issues credentials here (Open Badges 3.0, section B.1.12).
func getIssuer(s *Server, w http.ResponseWriter, _ *http.Request, _ *call) error {
	body, err := json.Marshal(map[string]any{
		"id": s.public("/.well-known/issuer.json"), "type": []string{"Profile"}, "name": s.url.Host, "url": s.public(""),
	})
	if err != nil {
		return err
	}
	return publish(w, "application/json", body)
}

// getStatusList publishes which credentials are no longer good.
func getStatusList(s *Server, w http.ResponseWriter, r *http.Request, _ *call) error {
	list, err := strconv.ParseInt(r.PathValue("list"), 10, 32)
	if err != nil {
		return lms.ErrNotFound
	}
	token, err := s.db.StatusList(r.Context(), list)
	if err != nil {
		return err
	}
	return publish(w, "application/vc+jwt", []byte(token))
}
