package credential_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"lectern/lms"
	"lectern/lms/credential"
)

const site = "https://cme.example.org"

func newKey(t testing.TB) credential.Key {
	t.Helper()
	k, err := credential.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func fields() (lms.CertificateFields, []byte) {
	f := lms.CertificateFields{
		Number: "7Q4MX2KD9RTBW3HE", Name: "डॉ. प्रियंका श्रीवास्तव", Activity: "Embryo culture", Programme: "IVF, 2026", CreditKey: "ama-pra-1",
		CreditName: "AMA PRA Category 1 Credit", Amount: 125, Provider: "Sample Academy", CompletedOn: "2026-11-22", IssuedOn: "2026-11-22",
		Evidence: lms.Evidence{CountableS: 3600, WatchedS: 3480, LiveS: 2712, ReplayS: 1044, TestPassed: true, TestScore: 0.8, PassMark: 0.7},
	}
	raw, _ := json.Marshal(f) //nolint:errchkjson // a struct of plain values
	return f, raw
}

// TestClaim: it comes back as it was sealed, by any key that is known, and no bit of it can be changed.
func TestClaim(t *testing.T) {
	key, other := newKey(t), newKey(t)
	f, _ := fields()
	sealed, err := key.SealClaim(f)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := key.SealClaim(f); !bytes.Equal(sealed, again) {
		t.Error("the same claim has other bytes")
	}
	address := credential.QRAddress(site, f.Number, sealed)
	if len(address) > 400 {
		t.Errorf("the address has %d characters", len(address))
	}
	back, err := credential.ParseQRAddress(address)
	if err != nil || !bytes.Equal(back, sealed) {
		t.Fatalf("%x, %v", back, err)
	}
	both := []credential.PublicKey{other.Public(), key.Public()}
	c, err := credential.OpenClaim(sealed, both)
	if err != nil || c.Name != f.Name || c.Amount != 125 || c.Day != 20779 || c.LiveS != 2712 || c.ReplayS != 1044 || c.Provider != f.Provider {
		t.Fatalf("%+v, %v", c, err)
	}
	for at := range sealed {
		bad := bytes.Clone(sealed)
		bad[at] ^= 1
		if _, err := credential.OpenClaim(bad, both); !errors.Is(err, credential.ErrSignature) {
			t.Fatalf("byte %d changed: %v", at, err)
		}
	}
	if _, err := credential.OpenClaim(sealed, both[:1]); !errors.Is(err, credential.ErrSignature) {
		t.Errorf("with another key: %v", err)
	}
	for _, short := range [][]byte{nil, sealed[:64], make([]byte, 5000)} {
		if _, err := credential.OpenClaim(short, both); !errors.Is(err, credential.ErrSignature) {
			t.Errorf("%d bytes: %v", len(short), err)
		}
	}
}

// TestBadge: what Open Badges 3.0 asks of a credential in a JWT stands in it, and it verifies with the published keys.
func TestBadge(t *testing.T) {
	key := newKey(t)
	f, raw := fields()
	issued := time.Date(2026, 11, 22, 15, 4, 5, 6, time.UTC)
	token, err := key.SealBadge(site, f, raw, issued, credential.StatusListSize+7)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := key.SealBadge(site, f, raw, issued, credential.StatusListSize+7); again != token {
		t.Error("the same credential has other bytes")
	}
	set, err := credential.JWKS([]credential.PublicKey{newKey(t).Public(), key.Public()})
	if err != nil || bytes.Contains(set, []byte(`"d":`)) {
		t.Fatalf("%s, %v", set, err)
	}
	keys, err := credential.ParseJWKS(set)
	if err != nil || len(keys) != 2 || keys[1].ID != key.ID || keys[1].Ed == nil || keys[1].RSA == nil {
		t.Fatalf("%+v, %v", keys, err)
	}
	b, err := credential.OpenBadge(token, keys)
	if err != nil {
		t.Fatal(err)
	}
	if b.About.Identifier[0].Hash != f.Name || b.About.CreditsEarned != 1.25 || b.Evidence[0].ID != credential.FieldsDigest(raw) ||
		b.Status.Index != "7" || b.Status.List != site+"/credentials/status/1" || !b.ValidFrom.Equal(issued.Truncate(time.Second)) {
		t.Errorf("badge %+v", b)
	}
	head, _, _ := strings.Cut(token, ".")
	header, _ := base64.RawURLEncoding.DecodeString(head)
	for _, want := range []string{`"alg":"RS256"`, `"typ":"JWT"`, `"kid":"https://cme.example.org/.well-known/jwks.json#` + key.ID} {
		if !strings.Contains(string(header), want) {
			t.Errorf("the header %s lacks %s", header, want)
		}
	}
	payload, _ := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	var members map[string]any
	if err := json.Unmarshal(payload, &members); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"@context", "id", "type", "issuer", "validFrom", "credentialSubject", "iss", "jti", "sub", "nbf"} {
		if members[want] == nil {
			t.Errorf("the credential lacks %s", want)
		}
	}
	// The same payload under "alg": "none" or another key is refused.
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + strings.Split(token, ".")[1] + "."
	forged, err := newKey(t).SealBadge(site, f, raw, issued, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{none, forged, token[:len(token)-4] + "AAAA", "", "a.b.c"} {
		if _, err := credential.OpenBadge(bad, keys); !errors.Is(err, credential.ErrSignature) {
			t.Errorf("%.40s: %v", bad, err)
		}
	}
}

func TestStatusList(t *testing.T) {
	key := newKey(t)
	token, err := key.SealStatusList(site, 3, []int64{0, 9, credential.StatusListSize - 1}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	revoked, err := credential.OpenStatusList(token, []credential.PublicKey{key.Public()})
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[int64]bool{0: true, 1: false, 8: false, 9: true, 10: false, credential.StatusListSize - 1: true, -1: false, credential.StatusListSize: false} {
		if revoked(at) != want {
			t.Errorf("%d: %v", at, !want)
		}
	}
	if _, err := key.SealStatusList(site, 0, []int64{credential.StatusListSize}, time.Now()); err == nil {
		t.Error("an index of another list was taken")
	}
	if _, err := credential.OpenStatusList(token, nil); !errors.Is(err, credential.ErrSignature) {
		t.Errorf("without the key: %v", err)
	}
}

// TestKeysAreKept: a key that was stored signs as before, and prints as nothing.
func TestKeysAreKept(t *testing.T) {
	key := newKey(t)
	back, err := credential.ParseKey(key.Marshal())
	if err != nil || back.ID != key.ID {
		t.Fatalf("%v, %v", back, err)
	}
	f, _ := fields()
	sealed, err := back.SealClaim(f)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := credential.OpenClaim(sealed, []credential.PublicKey{key.Public()}); err != nil {
		t.Error(err)
	}
	if _, err := credential.ParseKey([]byte("short")); err == nil {
		t.Error("a short key was taken")
	}
}
