package access

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

const (
	lectureA = "https://cdn.example.org/hls/a/"
	lectureB = "https://cdn.example.org/hls/b/"
	secret   = "a secret that only tests have"
)

var noon = time.Date(2026, 11, 22, 12, 0, 7, 0, time.UTC)

// pair is a signer and the verifier that believes it.
func pair(t *testing.T) (*Signer, *Verifier, *rsa.PrivateKey) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSigner("KEY1", pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}), secret)
	if err != nil {
		t.Fatal(err)
	}
	v, err := NewVerifier("KEY1", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), secret)
	if err != nil {
		t.Fatal(err)
	}
	return s, v, key
}

// TestCloudFrontReadsIt takes the cookies apart as CloudFront's guide says, without our verifier (trust S-17, S-18).
func TestCloudFrontReadsIt(t *testing.T) {
	s, _, key := pair(t)
	g, until, err := s.Sign(lectureA, "viewer", noon)
	if err != nil {
		t.Fatal(err)
	}
	plain := func(text string) []byte {
		b, err := base64.StdEncoding.DecodeString(strings.NewReplacer("-", "+", "_", "=", "~", "/").Replace(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return b
	}
	sum := sha256.Sum256(plain(g.Policy))
	if err := rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, sum[:], plain(g.Signature)); err != nil {
		t.Errorf("signature: %v", err)
	}
	var p struct {
		Statement []struct {
			Resource  string
			Condition struct {
				DateLessThan map[string]int64
			}
		}
	}
	if err := json.Unmarshal(plain(g.Policy), &p); err != nil {
		t.Fatal(err)
	}
	if len(p.Statement) != 1 || p.Statement[0].Resource != lectureA+"*" {
		t.Errorf("policy %s", plain(g.Policy))
	}
	ends := time.Unix(p.Statement[0].Condition.DateLessThan["AWS:EpochTime"], 0)
	if life := ends.Sub(noon); life > Life || life < Life-expiryStep || !ends.Equal(until) {
		t.Errorf("the policy lasts %v, said to end at %v", life, until)
	}
	if g.KeyID != "KEY1" || strings.ContainsAny(g.Policy+g.Signature, "+=/ ;,") {
		t.Errorf("cookie values: %+v", g)
	}
}

// TestWhoGetsIn holds every way in which cookies are not good enough.
func TestWhoGetsIn(t *testing.T) {
	s, v, key := pair(t)
	stranger, _, _ := pair(t)
	good, until, err := s.Sign(lectureA, "viewer", noon)
	if err != nil {
		t.Fatal(err)
	}
	forB, _, _ := s.Sign(lectureB, "viewer", noon)
	forged, _, _ := stranger.Sign(lectureA, "viewer", noon)
	other, _, _ := s.Sign(lectureA, "another", noon)
	later, _, _ := s.Sign(lectureA, "viewer", noon.Add(time.Minute))
	signed := func(text string) Grant {
		sum := sha256.Sum256([]byte(text))
		signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		g := Grant{Policy: encode([]byte(text)), Signature: encode(signature), KeyID: "KEY1"}
		g.Viewer = v.tags.Seal("viewer", g.Policy)
		return g
	}
	with := func(g Grant, change func(*Grant)) Grant { change(&g); return g }
	for _, row := range []struct {
		name string
		g    Grant
		url  string
		at   time.Time
		want error
	}{
		{"good", good, lectureA + "index.m3u8", noon, nil},
		{"with a query", good, lectureA + "low.m3u8?_HLS_msn=3", noon, nil},
		{"a moment before the end", good, lectureA + "index.m3u8", until.Add(-time.Second), nil},
		{"at the end", good, lectureA + "index.m3u8", until, ErrExpired},
		{"of another lecture", forB, lectureA + "index.m3u8", noon, ErrRefused},
		{"of a lecture whose name begins alike", good, "https://cdn.example.org/hls/aa/index.m3u8", noon, ErrRefused},
		{"at another host", good, "https://cdn.example.com/hls/a/index.m3u8", noon, ErrRefused},
		{"signed by somebody else", forged, lectureA + "index.m3u8", noon, ErrRefused},
		{"policy of B with the signature of A", with(good, func(g *Grant) { g.Policy = forB.Policy }), lectureB + "x", noon, ErrRefused},
		{"another key's ID", with(good, func(g *Grant) { g.KeyID = "KEY2" }), lectureA + "x", noon, ErrRefused},
		{"no viewer", with(good, func(g *Grant) { g.Viewer = "" }), lectureA + "x", noon, ErrRefused},
		{"a viewer of one's own making", with(good, func(g *Grant) { g.Viewer = "x" + g.Viewer }), lectureA + "x", noon, ErrRefused},
		{"the viewer of another policy", with(good, func(g *Grant) { g.Viewer = later.Viewer }), lectureA + "x", noon, ErrRefused},
		{"somebody else's tag for the same policy", with(good, func(g *Grant) { g.Viewer = other.Viewer }), lectureA + "x", noon, nil},
		{"not base64", with(good, func(g *Grant) { g.Policy = "%%%" }), lectureA + "x", noon, ErrRefused},
		{"huge", with(good, func(g *Grant) { g.Policy = strings.Repeat("A", 1<<20) }), lectureA + "x", noon, ErrRefused},
		{"no end", signed(`{"Statement":[{"Resource":"*","Condition":{}}]}`), lectureA + "x", noon, ErrRefused},
		{"a condition we do not know", signed(`{"Statement":[{"Resource":"*","Condition":{"DateLessThan":{"AWS:EpochTime":4000000000},"IpAddress":{"AWS:SourceIp":"192.0.2.1"}}}]}`), lectureA + "x", noon, ErrRefused},
		{"two statements", signed(`{"Statement":[{"Resource":"*","Condition":{"DateLessThan":{"AWS:EpochTime":4000000000}}},{"Resource":"*","Condition":{"DateLessThan":{"AWS:EpochTime":4000000000}}}]}`), lectureA + "x", noon, ErrRefused},
		{"not yet", signed(`{"Statement":[{"Resource":"*","Condition":{"DateLessThan":{"AWS:EpochTime":4000000000},"DateGreaterThan":{"AWS:EpochTime":3900000000}}}]}`), lectureA + "x", noon, ErrRefused},
	} {
		t.Run(row.name, func(t *testing.T) {
			viewer, err := v.Check(row.g, row.url, row.at)
			if !errors.Is(err, row.want) || (err == nil) != (viewer != "") {
				t.Errorf("viewer %q, error %v, want %v", viewer, err, row.want)
			}
			if _, again := v.Check(row.g, row.url, row.at); !errors.Is(again, row.want) {
				t.Errorf("the second time: %v", again)
			}
		})
	}
}

func TestRequestWantsAllCookies(t *testing.T) {
	s, v, _ := pair(t)
	g, _, err := s.Sign(lectureA, "viewer", noon)
	if err != nil {
		t.Fatal(err)
	}
	all := []*http.Cookie{{Name: PolicyCookie, Value: g.Policy}, {Name: SignatureCookie, Value: g.Signature}, {Name: KeyIDCookie, Value: g.KeyID}, {Name: HashCookie, Value: Hash}, {Name: ViewerCookie, Value: g.Viewer}}
	ask := func(without int) error {
		r, _ := http.NewRequest("GET", lectureA, nil)
		for i, c := range all {
			if i != without {
				r.AddCookie(c)
			}
		}
		_, err := v.Request(r, lectureA+"index.m3u8", noon)
		return err
	}
	if err := ask(-1); err != nil {
		t.Errorf("with all of them: %v", err)
	}
	for i, c := range all {
		if err := ask(i); err == nil {
			t.Errorf("let in without %s", c.Name)
		}
	}
	r, _ := http.NewRequest("GET", lectureA, nil)
	if _, err := v.Request(r, lectureA, noon); !errors.Is(err, ErrNone) {
		t.Errorf("without any: %v", err)
	}
}

func TestMatches(t *testing.T) {
	for _, row := range []struct {
		resource, url string
		want          bool
	}{
		{"https://h/a/*", "https://h/a/", true},
		{"https://h/a/*", "https://h/a/b/c?d=*", true},
		{"https://h/a/*", "https://h/ab", false},
		{"http*://h/a/?.ts", "https://h/a/1.ts", true},
		{"http*://h/a/?.ts", "https://h/a/12.ts", false},
		{"*", "", true},
		{"*a*b", "xxaxxabb", true},
		{"*a*b", "xxaxxabc", false},
		{"", "", true},
		{"", "a", false},
		{"a**", "a", true},
	} {
		if got := matches(row.resource, row.url); got != row.want {
			t.Errorf("matches(%q, %q) is %v", row.resource, row.url, got)
		}
	}
}

// TestOneSignatureForMany: viewers who come together share a signature, but not the tag.
func TestOneSignatureForMany(t *testing.T) {
	s, _, _ := pair(t)
	a, _, _ := s.Sign(lectureA, "a", noon)
	b, _, _ := s.Sign(lectureA, "b", noon.Add(time.Second))
	if a.Signature != b.Signature || a.Viewer == b.Viewer {
		t.Errorf("%+v\n%+v", a, b)
	}
}
