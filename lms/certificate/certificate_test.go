package certificate_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"lectern/lms"
	"lectern/lms/certificate"
	"lectern/lms/credential"
)

// names are those of doctors in the scripts that the first programmes need.
var names = map[string]string{
	"devanagari": "डॉ. प्रियंका श्रीवास्तव",
	"malayalam":  "ഡോ. ശ്രീലക്ഷ്മി കൃഷ്ണൻ",
	"tamil":      "டாக்டர் ஸ்ரீனிவாசன் கௌசல்யா",
	"arabic":     "محمد عبد اللطيف حسن",
	"chinese":    "王小明医生",
	"latin":      "Dr. Željko Đặng Thùy Ångström-Őry, Ph.D. (Łódź)",
}

const site = "https://cme.example.org"

var (
	issued  = time.Date(2026, 11, 22, 15, 4, 5, 0, time.UTC)
	testKey = sync.OnceValues(func() (credential.Key, error) { return credential.NewKey(fixed{}) })
)

func fieldsOf(name string) lms.CertificateFields {
	design := lms.DefaultDesign()
	design.Signatories = []lms.Signatory{{Name: "Prof. Meera Nambiar", Title: "Course director"}, {Name: "Dr. Tomás Ferreira", Title: "Chair, scientific committee"}}
	return lms.CertificateFields{
		Layout: certificate.Layout, Number: "7Q4MX2KD9RTBW3HE", Name: name, Activity: "Embryo culture and time-lapse selection", Course: 5,
		Programme: "Reproductive Medicine and IVF, 2026", CreditKey: "ama-pra-1", CreditName: "AMA PRA Category 1 Credit", Amount: 100,
		Modality: lms.ModalityBlended, Provider: "Sample Academy of Reproductive Medicine", HeldOn: "2026-10-31", CompletedOn: "2026-11-22", IssuedOn: "2026-11-22",
		Statement: "Sample Academy of Reproductive Medicine designates this activity for a maximum of 1.00 AMA PRA Category 1 Credit. Physicians should claim only the credit commensurate with the extent of their participation in the activity.",
		Evidence:  lms.Evidence{CountableS: 3600, WatchedS: 3480, LiveS: 3120, ReplayS: 360, TestScore: 0.8, TestPassed: true, TestAttempts: 2, PassMark: 0.7, Evaluated: true},
		Design:    design, RuleVersion: 1,
	}
}

// drawn makes a certificate with its proofs.
func drawn(t testing.TB, f lms.CertificateFields) ([]byte, certificate.Document) {
	t.Helper()
	key, err := testKey()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	claim, err := key.SealClaim(f)
	if err != nil {
		t.Fatal(err)
	}
	badge, err := key.SealBadge(site, f, raw, issued, 94567)
	if err != nil {
		t.Fatal(err)
	}
	d := certificate.Document{Fields: raw, Issued: issued, QR: credential.QRAddress(site, f.Number, claim), Badge: badge}
	pdf, err := fonts(t).Draw(d)
	if err != nil {
		t.Fatal(err)
	}
	return pdf, d
}

func fonts(t testing.TB) *certificate.Fonts {
	t.Helper()
	f, err := certificate.NewFonts(certificate.FontDirs...)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// run runs a program of the machine over a file and returns what it prints.
func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s is not installed: .ci/need pdftotext qpdf zbarimg fonts-noto-core fonts-noto-cjk", name)
	}
	var said bytes.Buffer
	command := exec.Command(name, args...)
	command.Stderr = &said
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", name, err, out, said.Bytes())
	}
	return string(out)
}

// TestNamesInEveryScript: the PDF is sound, carries nothing that runs, its text is the name, its code can be read, and
// all of it verifies. With LECTERN_KEEP the files stay there, to be looked at.
func TestNamesInEveryScript(t *testing.T) {
	key, err := testKey()
	if err != nil {
		t.Fatal(err)
	}
	folder := os.Getenv("LECTERN_KEEP")
	if folder == "" {
		folder = t.TempDir()
	}
	for script, name := range names {
		t.Run(script, func(t *testing.T) {
			f := fieldsOf(name)
			pdf, d := drawn(t, f)
			file := filepath.Join(folder, script+".pdf")
			if err := os.WriteFile(file, pdf, 0o600); err != nil {
				t.Fatal(err)
			}
			if len(pdf) > 80<<10 {
				t.Errorf("%d bytes", len(pdf))
			}
			if text := norm.NFC.String(run(t, "pdftotext", file, "-")); !strings.Contains(text, name) || !strings.Contains(text, f.Activity) || !strings.Contains(text, f.Number.String()) {
				t.Errorf("the text is %q", text)
			}
			run(t, "qpdf", "--check", file)
			plain := filepath.Join(folder, script+".qdf")
			run(t, "qpdf", "--qdf", file, plain)
			opened, err := os.ReadFile(plain)
			if err != nil {
				t.Fatal(err)
			}
			for _, bad := range []string{"/JS", "/JavaScript", "/AA", "/OpenAction", "/Launch", "/URI"} {
				if bytes.Contains(opened, []byte(bad+" ")) {
					t.Errorf("contains %s", bad)
				}
			}
			run(t, "pdftoppm", "-r", "150", "-png", "-singlefile", file, strings.TrimSuffix(file, ".pdf"))
			code := strings.TrimSpace(run(t, "zbarimg", "-q", "--raw", strings.TrimSuffix(file, ".pdf")+".png"))
			if code != d.QR {
				t.Fatalf("the code holds %q, want %q", code, d.QR)
			}
			sealed, err := credential.ParseQRAddress(code)
			if err != nil {
				t.Fatal(err)
			}
			claim, err := credential.OpenClaim(sealed, []credential.PublicKey{key.Public()})
			if err != nil || claim.Name != name || claim.Amount != 100 || claim.Number != string(f.Number) {
				t.Errorf("claim %+v, %v", claim, err)
			}
			files, err := certificate.Attachments(pdf)
			if err != nil || string(files[certificate.BadgeFile]) != d.Badge || !bytes.Equal(files[certificate.FieldsFile], d.Fields) {
				t.Errorf("attached %v, %v", len(files), err)
			}
		})
	}
}

// TestSameBytes: the same certificate is the same file, whoever draws it and however many at once.
func TestSameBytes(t *testing.T) {
	want, d := drawn(t, fieldsOf(names["devanagari"]))
	all := fonts(t)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			got, err := all.Draw(d)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes instead of %d, %v", len(got), len(want), err)
			}
		})
	}
	wait.Wait()
}

// TestHostileNames: whatever is allowed as a name cannot leave its place in the file (trust S-25).
func TestHostileNames(t *testing.T) {
	for _, name := range []string{`) Tj ET Q endstream`, `\) >> /OpenAction <<`, "a\\", "(((", "O'Neill & Söhne <b>", "علی (Ali) 2026"} {
		pdf, _ := drawn(t, fieldsOf(name))
		file := filepath.Join(t.TempDir(), "a.pdf")
		if err := os.WriteFile(file, pdf, 0o600); err != nil {
			t.Fatal(err)
		}
		run(t, "qpdf", "--check", file)
		if text := run(t, "pdftotext", "-layout", file, "-"); !strings.Contains(text, name) && !strings.Contains(name, "Ali") {
			t.Errorf("%q: the text is %q", name, text)
		}
	}
}

func BenchmarkDraw(b *testing.B) {
	for script, name := range names {
		b.Run(script, func(b *testing.B) {
			f := fieldsOf(name)
			pdf, d := drawn(b, f)
			all := fonts(b)
			b.ReportMetric(float64(len(pdf)), "bytes/file")
			for b.Loop() {
				if _, err := all.Draw(d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
