package certificate

import (
	"bytes"
	"compress/zlib"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"lectern/lms"
	"lectern/lms/credential"
)

// ErrNotOurs is a file that is no certificate of Lectern's, or whose proofs were taken out.
var ErrNotOurs = errors.New("this is no certificate with its proofs")

// maxAttached bounds what is unpacked of one attached file.
const maxAttached = 1 << 20

// Attachments takes the attached files out of a certificate's PDF. Of a PDF that another program has written anew the
// files may not be found; then the error is ErrNotOurs.
func Attachments(pdf []byte) (map[string][]byte, error) {
	files := map[string][]byte{}
	for rest := pdf; ; {
		at := bytes.Index(rest, []byte("/EmbeddedFile"))
		if at < 0 {
			break
		}
		rest = rest[at+len("/EmbeddedFile"):]
		_, stream, ok := bytes.Cut(rest, []byte("stream"))
		if !ok {
			break
		}
		stream = bytes.TrimPrefix(bytes.TrimPrefix(stream, []byte("\r")), []byte("\n"))
		body, err := unpack(stream)
		if err != nil {
			continue
		}
		files[nameOf(body)] = body
	}
	if len(files[BadgeFile]) == 0 || len(files[FieldsFile]) == 0 {
		return nil, ErrNotOurs
	}
	return files, nil
}

func unpack(stream []byte) ([]byte, error) {
	zip, err := zlib.NewReader(bytes.NewReader(stream))
	if err != nil {
		return nil, fmt.Errorf("unpack an attached file: %w", err)
	}
	body, err := io.ReadAll(io.LimitReader(zip, maxAttached))
	if err != nil {
		return nil, fmt.Errorf("unpack an attached file: %w", err)
	}
	return body, nil
}

// nameOf tells the three files apart by what they are: names may be written in more than one way.
func nameOf(body []byte) string {
	switch {
	case bytes.HasPrefix(body, []byte("{")):
		return FieldsFile
	case bytes.HasPrefix(body, []byte("http")):
		return ClaimFile
	}
	return BadgeFile
}

// Checked is what a certificate's file says, once its proofs are found right.
type Checked struct {
	Fields lms.CertificateFields
	Badge  credential.Badge
	// Unchanged: drawn anew from its fields the file is the same byte for byte, so the page reads as issued. False when
	// it was edited, or this machine's fonts are others than the issuer's.
	Unchanged bool
}

// Check verifies a certificate's PDF with the issuer's public keys alone: the credential's signature, that it speaks of
// the attached fields, that the QR code's claim does too, and that the page is drawn from them.
func (f *Fonts) Check(pdf []byte, keys []credential.PublicKey) (Checked, error) {
	var c Checked
	files, err := Attachments(pdf)
	if err != nil {
		return c, err
	}
	token := strings.TrimSpace(string(files[BadgeFile]))
	if c.Badge, err = credential.OpenBadge(token, keys); err != nil {
		return c, err
	}
	if len(c.Badge.Evidence) == 0 || c.Badge.Evidence[0].ID != credential.FieldsDigest(files[FieldsFile]) {
		return c, fmt.Errorf("the printed fields were changed: %w", credential.ErrSignature)
	}
	if err := json.Unmarshal(files[FieldsFile], &c.Fields); err != nil {
		return c, fmt.Errorf("read the printed fields: %w", err)
	}
	sealed, err := credential.ParseQRAddress(string(files[ClaimFile]))
	if err != nil {
		return c, err
	}
	claim, err := credential.OpenClaim(sealed, keys)
	if err != nil {
		return c, err
	}
	if claim.Number != string(c.Fields.Number) || claim.Name != c.Fields.Name || claim.Amount != int(c.Fields.Amount) {
		return c, fmt.Errorf("the QR code is that of another certificate: %w", credential.ErrSignature)
	}
	again, err := f.Draw(Document{Fields: files[FieldsFile], Issued: c.Badge.ValidFrom, QR: string(files[ClaimFile]), Badge: token})
	c.Unchanged = err == nil && bytes.Equal(again, pdf)
	return c, nil
}
