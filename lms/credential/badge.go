package credential

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"lectern/lms"
)

// badgeContext are the JSON-LD contexts of Open Badges 3.0.
var badgeContext = []string{
	"https://www.w3.org/ns/credentials/v2",
	"https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
}

const badgeSchema = "https://purl.imsglobal.org/spec/ob/v3p0/schema/json/ob_v3p0_achievementcredential_schema.json"

// Badge is an Open Badges 3.0 AchievementCredential as the payload of a JWT (section 8.2.4: the claims of RFC 7519
// stand beside the credential's own properties).
type Badge struct {
	Issuer    string `json:"iss"`
	Token     string `json:"jti"`
	Subject   string `json:"sub"`
	NotBefore int64  `json:"nbf"`

	Context   []string     `json:"@context"`
	ID        string       `json:"id"`
	Type      []string     `json:"type"`
	Name      string       `json:"name"`
	From      Profile      `json:"issuer"`
	ValidFrom time.Time    `json:"validFrom"`
	About     BadgeSubject `json:"credentialSubject"`
	Evidence  []Evidence   `json:"evidence"`
	Status    StatusEntry  `json:"credentialStatus"`
	Schema    []SchemaRef  `json:"credentialSchema"`
}

// Profile says who issues.
type Profile struct {
	ID   string   `json:"id"`
	Type []string `json:"type"`
	Name string   `json:"name"`
	URL  string   `json:"url,omitempty"`
}

// BadgeSubject says who has achieved what.
type BadgeSubject struct {
	ID            string      `json:"id"`
	Type          []string    `json:"type"`
	Identifier    []Identity  `json:"identifier"`
	CreditsEarned float64     `json:"creditsEarned"`
	EndDate       *time.Time  `json:"activityEndDate,omitempty"`
	Achievement   Achievement `json:"achievement"`
}

// Identity is the holder's name, as printed and not hashed.
type Identity struct {
	Type   string `json:"type"`
	Hash   string `json:"identityHash"`
	Kind   string `json:"identityType"`
	Hashed bool   `json:"hashed"`
}

// Achievement is what was achieved.
type Achievement struct {
	ID          string   `json:"id"`
	Type        []string `json:"type"`
	Kind        string   `json:"achievementType"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Criteria    struct {
		Narrative string `json:"narrative"`
	} `json:"criteria"`
	CreditsAvailable float64 `json:"creditsAvailable,omitempty"`
}

// Evidence is what the credential rests on. The first one is the digest of the printed fields.
type Evidence struct {
	ID        string   `json:"id,omitempty"`
	Type      []string `json:"type"`
	Name      string   `json:"name"`
	Narrative string   `json:"narrative,omitempty"`
}

// StatusEntry says where to look whether the credential is still good (W3C Bitstring Status List).
type StatusEntry struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Purpose string `json:"statusPurpose"`
	Index   string `json:"statusListIndex"`
	List    string `json:"statusListCredential"`
}

// SchemaRef names the JSON schema of a credential.
type SchemaRef struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

// FieldsDigest names the printed fields by their SHA-256.
func FieldsDigest(fields []byte) string {
	sum := sha256.Sum256(fields)
	return "urn:sha-256:" + hex.EncodeToString(sum[:])
}

// SealBadge signs an Open Badges 3.0 credential about a certificate. fields is the stored JSON of f, whose digest the
// credential holds, so that no field on the paper can be changed. The same arguments always give the same bytes.
func (k Key) SealBadge(site string, f lms.CertificateFields, fields []byte, issued time.Time, statusIndex int64) (string, error) {
	issued = issued.UTC().Truncate(time.Second)
	b := Badge{
		Issuer: site + "/.well-known/issuer.json", Token: site + "/v/" + string(f.Number), Subject: site + "/v/" + string(f.Number) + "#holder",
		NotBefore: issued.Unix(), Context: badgeContext, ID: site + "/v/" + string(f.Number),
		Type: []string{"VerifiableCredential", "OpenBadgeCredential"}, Name: f.Activity, ValidFrom: issued,
		Status: statusEntry(site, statusIndex),
		Schema: []SchemaRef{{badgeSchema, "1EdTechJsonSchemaValidator2019"}},
	}
	b.From = Profile{ID: b.Issuer, Type: []string{"Profile"}, Name: IssuerName(f), URL: site}
	b.About = BadgeSubject{
		ID: b.Subject, Type: []string{"AchievementSubject"}, CreditsEarned: float64(f.Amount) / 100,
		Identifier:  []Identity{{"IdentityObject", f.Name, "name", false}},
		Achievement: Achievement{ID: achievementID(site, f), Type: []string{"Achievement"}, Kind: "Certificate", Name: f.Activity, Description: f.CreditName},
	}
	b.About.Achievement.Criteria.Narrative = f.CreditName + ": " + How(f)
	b.Evidence = []Evidence{
		{ID: FieldsDigest(fields), Type: []string{"Evidence"}, Name: "Printed fields", Narrative: "SHA-256 of the file fields.json in the certificate's PDF."},
		{Type: []string{"Evidence"}, Name: "Attendance", Narrative: How(f)},
	}
	return k.sign(b, site)
}

func achievementID(site string, f lms.CertificateFields) string {
	sum := sha256.Sum256([]byte(f.Programme + "\x00" + f.Activity + "\x00" + f.CreditKey))
	return site + "/v/#achievement-" + hex.EncodeToString(sum[:8])
}

// IssuerName is who gives the certificate.
func IssuerName(f lms.CertificateFields) string {
	switch {
	case f.Provider != "":
		return f.Provider
	case f.Design.Organiser != "":
		return f.Design.Organiser
	}
	return f.Programme
}

// How says in a sentence how a certificate was earned.
func How(f lms.CertificateFields) string {
	e := f.Evidence
	if f.CourseCount > 0 {
		return fmt.Sprintf("All %d required courses completed.", f.CourseCount)
	}
	text := fmt.Sprintf("%d min live and %d min replay of %d min", e.LiveS/60, e.ReplayS/60, e.CountableS/60)
	if e.TestPassed {
		text += fmt.Sprintf(". Test %s, pass mark %s", percent(e.TestScore), percent(e.PassMark))
	}
	if e.Evaluated {
		text += ". Evaluation handed in"
	}
	return text + "."
}

func percent(share float64) string { return fmt.Sprintf("%.0f %%", share*100) }

// sign makes a compact JWS whose kid is the address of the key.
func (k Key) sign(payload any, site string) (string, error) {
	body, err := json.Marshal(payload)
	if err != nil {
		return "", fmt.Errorf("encode credential: %w", err)
	}
	options := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", keyAddress(site, k.ID))
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: k.rsa}, options)
	if err != nil {
		return "", fmt.Errorf("make signer: %w", err)
	}
	signed, err := signer.Sign(body)
	if err != nil {
		return "", fmt.Errorf("sign credential: %w", err)
	}
	return signed.CompactSerialize()
}

func keyAddress(site, id string) string { return site + "/.well-known/jwks.json#" + id }

// open checks a compact JWS and returns its payload. Errors wrap ErrSignature.
func open(token string, keys []PublicKey) ([]byte, error) {
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil || len(signed.Signatures) != 1 {
		return nil, fmt.Errorf("read credential: %w", ErrSignature)
	}
	_, id, _ := strings.Cut(signed.Signatures[0].Header.KeyID, "#")
	key, ok := find(keys, id)
	if !ok || key.RSA == nil {
		return nil, fmt.Errorf("the key %q is not known: %w", id, ErrSignature)
	}
	payload, err := signed.Verify(key.RSA)
	if err != nil {
		return nil, ErrSignature
	}
	return payload, nil
}

// OpenBadge checks an Open Badges credential that SealBadge made. Errors wrap ErrSignature.
func OpenBadge(token string, keys []PublicKey) (Badge, error) {
	var b Badge
	payload, err := open(token, keys)
	if err != nil {
		return b, err
	}
	if err := json.Unmarshal(payload, &b); err != nil {
		return b, fmt.Errorf("read credential: %w", err)
	}
	if b.Issuer != b.From.ID || b.Token != b.ID || b.Subject != b.About.ID {
		return b, fmt.Errorf("the credential contradicts itself: %w", ErrSignature)
	}
	return b, nil
}
