package credential

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// StatusListSize is how many credentials one list tells of: the least that Bitstring Status List 1.0 allows, so that
// asking for a list does not say about whom.
const StatusListSize = 131072

// StatusList is a credential that says which others are no longer good.
type StatusList struct {
	Issuer    string `json:"iss"`
	Token     string `json:"jti"`
	NotBefore int64  `json:"nbf"`

	Context   []string      `json:"@context"`
	ID        string        `json:"id"`
	Type      []string      `json:"type"`
	From      string        `json:"issuer"`
	ValidFrom time.Time     `json:"validFrom"`
	About     StatusSubject `json:"credentialSubject"`
}

// StatusSubject is the list itself.
type StatusSubject struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Purpose string `json:"statusPurpose"`
	Encoded string `json:"encodedList"` // "u" and base64url of the gzipped bits
}

// StatusAddress is where the list with the number is.
func StatusAddress(site string, list int64) string {
	return site + "/credentials/status/" + strconv.FormatInt(list, 10)
}

func statusEntry(site string, index int64) StatusEntry {
	list, at := StatusAddress(site, index/StatusListSize), strconv.FormatInt(index%StatusListSize, 10)
	return StatusEntry{ID: list + "#" + at, Type: "BitstringStatusListEntry", Purpose: "revocation", Index: at, List: list}
}

// SealStatusList signs a list of revoked indices, each from 0 to StatusListSize-1.
func (k Key) SealStatusList(site string, list int64, revoked []int64, now time.Time) (string, error) {
	bits := make([]byte, StatusListSize/8)
	for _, at := range revoked {
		if at < 0 || at >= StatusListSize {
			return "", fmt.Errorf("status %d is not of one list", at)
		}
		bits[at/8] |= 0x80 >> (at % 8) // index 0 is the left-most bit
	}
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	if _, err := zip.Write(bits); err != nil {
		return "", fmt.Errorf("pack status list: %w", err)
	}
	if err := zip.Close(); err != nil {
		return "", fmt.Errorf("pack status list: %w", err)
	}
	address := StatusAddress(site, list)
	now = now.UTC().Truncate(time.Second)
	s := StatusList{
		Issuer: site + "/.well-known/issuer.json", Token: address, NotBefore: now.Unix(), Context: badgeContext[:1], ID: address,
		Type: []string{"VerifiableCredential", "BitstringStatusListCredential"}, ValidFrom: now,
		About: StatusSubject{ID: address + "#list", Type: "BitstringStatusList", Purpose: "revocation", Encoded: "u" + base64.RawURLEncoding.EncodeToString(packed.Bytes())},
	}
	s.From = s.Issuer
	return k.sign(s, site)
}

// OpenStatusList checks a list and returns a function that says whether an index is revoked.
func OpenStatusList(token string, keys []PublicKey) (func(index int64) bool, error) {
	payload, err := open(token, keys)
	if err != nil {
		return nil, err
	}
	var s StatusList
	if err := json.Unmarshal(payload, &s); err != nil {
		return nil, fmt.Errorf("read status list: %w", err)
	}
	packed, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(s.About.Encoded, "u"))
	if err != nil {
		return nil, fmt.Errorf("read status list: %w", err)
	}
	zip, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("unpack status list: %w", err)
	}
	bits, err := io.ReadAll(io.LimitReader(zip, StatusListSize/8+1))
	if err != nil || len(bits) != StatusListSize/8 {
		return nil, fmt.Errorf("a status list of %d bytes: %w", len(bits), ErrSignature)
	}
	return func(index int64) bool {
		return index >= 0 && index < StatusListSize && bits[index/8]&(0x80>>(index%8)) != 0
	}, nil
}
