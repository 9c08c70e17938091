package lms

import (
	"bytes"
	"crypto/rand"
	"testing"
)

func TestCertificateNumber(t *testing.T) {
	n, err := NewCertificateNumber(bytes.NewReader([]byte{0, 1, 2, 3, 32, 33, 34, 35, 28, 29, 30, 31, 252, 253, 254, 255}))
	if err != nil || n.String() != "0123-0123-WXYZ-WXYZ" {
		t.Fatalf("%v, %v", n, err)
	}
	for _, typed := range []string{"0123-0123-WXYZ-WXYZ", "0123 0123 wxyz wxyz", "oi23OL23wxyzWXYZ", " 0123–0123—WXYZ‑WXYZ\n"} {
		if got, err := ParseCertificateNumber(typed); err != nil || got != n {
			t.Errorf("%q: %v, %v", typed, got, err)
		}
	}
	for _, typed := range []string{"", "0123-0123-WXYZ-WXY", "0123-0123-WXYZ-WXYZ-0", "U123-0123-WXYZ-WXYZ", "0123-0123-WXYZ-WXY\xff"} {
		if got, err := ParseCertificateNumber(typed); err == nil {
			t.Errorf("%q: %v", typed, got)
		}
	}
	seen := map[CertificateNumber]bool{}
	for range 1000 {
		n, err := NewCertificateNumber(rand.Reader)
		if err != nil || len(n) != 16 || seen[n] {
			t.Fatalf("%v, %v", n, err)
		}
		seen[n] = true
	}
}

func TestDesignIsChecked(t *testing.T) {
	if _, err := DefaultDesign().Validate(); err != nil {
		t.Fatal(err)
	}
	for field, change := range map[string]func(*CertificateDesign){
		"heading":     func(d *CertificateDesign) { d.Heading = "" },
		"accent":      func(d *CertificateDesign) { d.Accent = "#ffff00" },
		"paper":       func(d *CertificateDesign) { d.Paper = "a5" },
		"logo":        func(d *CertificateDesign) { d.Logo = "https://elsewhere.example/logo.png" },
		"signatories": func(d *CertificateDesign) { d.Signatories = make([]Signatory, 4) },
	} {
		d := DefaultDesign()
		change(&d)
		_, err := d.Validate()
		wantField(t, err, field)
	}
	d := DefaultDesign()
	d.Accent = "red"
	_, err := d.Validate()
	wantField(t, err, "accent")
}
