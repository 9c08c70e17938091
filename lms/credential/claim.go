package credential

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"lectern/lms"
)

// ErrSignature is a signature that does not fit, or by a key that is not the issuer's.
var ErrSignature = errors.New("the signature does not fit")

// Claim is what the QR code of a certificate says. The keys of its CBOR map are small numbers, because every byte
// makes the code denser; 1.50 credits are 150.
type Claim struct {
	Version  int    `cbor:"1,keyasint"`
	Number   string `cbor:"2,keyasint"`
	Name     string `cbor:"3,keyasint"`
	Activity string `cbor:"4,keyasint"`
	Credit   string `cbor:"5,keyasint"`
	Amount   int    `cbor:"6,keyasint"`
	Day      int    `cbor:"7,keyasint"` // of issue, in days since 1970-01-01
	LiveS    int64  `cbor:"8,keyasint"`
	ReplayS  int64  `cbor:"9,keyasint"`
	Provider string `cbor:"10,keyasint,omitempty"`
	Key      []byte `cbor:"11,keyasint"` // its ID
}

// claimVersion is the version of the claim's form.
const claimVersion = 1

// maxClaim bounds what is read back.
const maxClaim = 4096

var claimEncoding, _ = cbor.CTAP2EncOptions().EncMode() // canonical: the same claim is always the same bytes

// SealClaim signs the part of a certificate that its QR code carries: the claim, followed by 64 bytes of signature.
func (k Key) SealClaim(f lms.CertificateFields) ([]byte, error) {
	issued, err := time.Parse(time.DateOnly, f.IssuedOn)
	if err != nil {
		return nil, fmt.Errorf("day of issue: %w", err)
	}
	id, err := hex.DecodeString(k.ID)
	if err != nil {
		return nil, fmt.Errorf("name of the key: %w", err)
	}
	claim, err := claimEncoding.Marshal(Claim{
		Version: claimVersion, Number: string(f.Number), Name: f.Name, Activity: f.Activity, Credit: f.CreditName, Amount: int(f.Amount),
		Day: int(issued.Unix() / 86400), LiveS: f.Evidence.LiveS, ReplayS: f.Evidence.ReplayS, Provider: f.Provider, Key: id,
	})
	if err != nil {
		return nil, fmt.Errorf("encode claim: %w", err)
	}
	return append(claim, ed25519.Sign(k.ed, claim)...), nil
}

// OpenClaim checks a sealed claim. Errors wrap ErrSignature.
func OpenClaim(sealed []byte, keys []PublicKey) (Claim, error) {
	var c Claim
	if len(sealed) <= ed25519.SignatureSize || len(sealed) > maxClaim {
		return c, fmt.Errorf("a claim of %d bytes: %w", len(sealed), ErrSignature)
	}
	body, signature := sealed[:len(sealed)-ed25519.SignatureSize], sealed[len(sealed)-ed25519.SignatureSize:]
	if err := cbor.Unmarshal(body, &c); err != nil {
		return c, fmt.Errorf("read claim: %w", errors.Join(ErrSignature, err))
	}
	key, ok := find(keys, hex.EncodeToString(c.Key))
	if !ok || key.Ed == nil || !ed25519.Verify(key.Ed, body, signature) {
		return Claim{}, ErrSignature
	}
	return c, nil
}

// QRAddress is what the QR code holds. What follows the # never reaches a server.
func QRAddress(site string, number lms.CertificateNumber, sealed []byte) string {
	return site + "/v/" + string(number) + "#" + base64.RawURLEncoding.EncodeToString(sealed)
}

// ParseQRAddress takes the sealed claim out of an address of a QR code.
func ParseQRAddress(address string) ([]byte, error) {
	_, fragment, ok := strings.Cut(address, "#")
	if !ok {
		return nil, fmt.Errorf("the address carries no claim: %w", ErrSignature)
	}
	sealed, err := base64.RawURLEncoding.DecodeString(fragment)
	if err != nil {
		return nil, fmt.Errorf("read the claim: %w", errors.Join(ErrSignature, err))
	}
	return sealed, nil
}
