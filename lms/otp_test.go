package lms

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"
)

func testPepper(t *testing.T) Pepper {
	t.Helper()
	p, err := NewPepper(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPepper(t *testing.T) {
	if _, err := NewPepper(make([]byte, 31)); err == nil {
		t.Error("31 bytes were accepted")
	}
	p := testPepper(t)
	hash := p.Hash(ForAccessCode, "ab", "c")
	if len(hash) != 32 || !p.Matches(hash, ForAccessCode, "ab", "c") {
		t.Errorf("hash %x does not match its own parts", hash)
	}
	other, _ := NewPepper(bytes.Repeat([]byte{8}, 32))
	for name, wrong := range map[string]bool{
		"another purpose":      p.Matches(hash, ForOTP, "ab", "c"),
		"parts moved":          p.Matches(hash, ForAccessCode, "a", "bc"),
		"parts joined":         p.Matches(hash, ForAccessCode, "abc"),
		"another pepper":       other.Matches(hash, ForAccessCode, "ab", "c"),
		"no hash":              p.Matches(nil, ForAccessCode, "ab", "c"),
		"the beginning of one": p.Matches(hash[:31], ForAccessCode, "ab", "c"),
	} {
		if wrong {
			t.Errorf("%s matches", name)
		}
	}
}

func TestNewSecret(t *testing.T) {
	secret, err := NewSecret(bytes.NewReader(bytes.Repeat([]byte{0xff}, 32)))
	if err != nil || secret != "__________________________________________8" {
		t.Errorf("got %q, %v", secret, err)
	}
	if _, err := NewSecret(bytes.NewReader(nil)); !errors.Is(err, io.EOF) {
		t.Errorf("without randomness: %v", err)
	}
}

func TestOTPIsDerived(t *testing.T) {
	p := testPepper(t)
	seen := map[OTP]bool{}
	for round := range 1000 {
		code := p.OTP("challenge", round)
		if back, err := ParseOTP(string(code)); back != code || err != nil {
			t.Fatalf("round %d: %q is not six digits: %v", round, string(code), err)
		}
		seen[code] = true
	}
	if len(seen) < 990 { // 1000 of a million: 0.5 repetitions expected
		t.Errorf("1000 rounds gave only %d codes", len(seen))
	}
	again := testPepper(t).OTP("challenge", 1)
	if p.OTP("challenge", 1) != again || p.OTP("challenge2", 1) == again {
		t.Error("the code must depend on the challenge and on nothing else")
	}
}

func TestParseOTP(t *testing.T) {
	for _, in := range []string{"012345", " 012 345\n", "012-345", "٠١٢٣٤٥", "०१२३४५", "০১২৩৪৫", "۰۱۲۳۴۵", "０１２３４５", "012\u00a0345"} {
		if got, err := ParseOTP(in); got != "012345" || err != nil {
			t.Errorf("%q: got %q, %v", in, string(got), err)
		}
	}
	for _, in := range []string{"", "12345", "1234567", "12345a", "+12345", "1.2345", string(make([]byte, 65))} {
		_, err := ParseOTP(in)
		isProblem(t, err, ErrInvalid, "otp")
	}
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestChallengeOpen(t *testing.T) {
	for _, c := range []struct {
		name string
		c    Challenge
		at   time.Duration
		want error
	}{
		{"fresh", Challenge{}, 0, nil},
		{"after four tries", Challenge{Tries: 4}, time.Minute, nil},
		{"after five tries", Challenge{Tries: 5}, time.Minute, ErrExpired},
		{"just in time", Challenge{}, OTPLife - time.Nanosecond, nil},
		{"too late", Challenge{}, OTPLife, ErrExpired},
		{"used", Challenge{Used: true}, 0, ErrExpired},
	} {
		c.c.SentAt = noon
		if err := c.c.Open(noon.Add(c.at)); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}

// TestChallengeVerify counts tries as storage does, before comparing.
func TestChallengeVerify(t *testing.T) {
	c := Challenge{SentAt: noon}
	for try := 1; try <= 6; try++ {
		open := c.Open(noon)
		if (open == nil) != (try <= 5) {
			t.Errorf("try %d: open says %v", try, open)
		}
		c.Tries++
		err := c.Verify("000000", "123456", noon)
		want := ErrInvalid
		if try >= 5 {
			want = ErrExpired
		}
		isProblem(t, err, want, "otp")
	}
	for name, got := range map[string]error{
		"right at the fifth try": Challenge{SentAt: noon, Tries: 5}.Verify("123456", "123456", noon),
		"right at the first":     Challenge{SentAt: noon, Tries: 1}.Verify("123456", "123456", noon.Add(599*time.Second)),
	} {
		if got != nil {
			t.Errorf("%s: %v", name, got)
		}
	}
	for name, got := range map[string]error{
		"right at the sixth":    Challenge{SentAt: noon, Tries: 6}.Verify("123456", "123456", noon),
		"right but used":        Challenge{SentAt: noon, Tries: 1, Used: true}.Verify("123456", "123456", noon),
		"right but ten minutes": Challenge{SentAt: noon, Tries: 1}.Verify("123456", "123456", noon.Add(600*time.Second)),
	} {
		if !errors.Is(got, ErrExpired) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestChallengeResend(t *testing.T) {
	c := Challenge{SentAt: noon, Tries: 2}
	same, err := c.Resend(noon.Add(59 * time.Second))
	if err != nil || same != c {
		t.Errorf("within a minute: got %+v, %v, want the same code again", same, err)
	}
	second, err := c.Resend(noon.Add(60 * time.Second))
	if want := (Challenge{Round: 1, SentAt: noon.Add(time.Minute), Tries: 2}); err != nil || second != want {
		t.Errorf("after a minute: got %+v, %v, want %+v", second, err, want)
	}
	third, err := second.Resend(noon.Add(2 * time.Minute))
	if err != nil || third.Round != 2 {
		t.Errorf("after two minutes: got %+v, %v", third, err)
	}
	if _, err := third.Resend(noon.Add(4 * time.Minute)); !errors.Is(err, ErrTooMany) {
		t.Errorf("a fourth code: %v", err)
	}
	for _, over := range []Challenge{{SentAt: noon, Used: true}, {SentAt: noon, Tries: 5}} {
		if _, err := over.Resend(noon); !errors.Is(err, ErrExpired) {
			t.Errorf("%+v: %v", over, err)
		}
	}
}
