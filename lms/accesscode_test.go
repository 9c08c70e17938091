package lms

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestNewAccessCode(t *testing.T) {
	// 13 bytes whose low five bits are 0..12; the upper bits are dropped.
	code, err := NewAccessCode(bytes.NewReader([]byte{0, 33, 66, 99, 132, 165, 198, 231, 8, 9, 10, 11, 12}))
	if err != nil || code != "0123456789ABCB" {
		t.Fatalf("got %q, %v", string(code), err)
	}
	if got := code.String(); got != "0123-4567-89AB-CB" {
		t.Errorf("printed as %q", got)
	}
	if _, err := NewAccessCode(bytes.NewReader(make([]byte, 12))); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("with too little randomness: %v", err)
	}
}

func TestParseAccessCodeForgives(t *testing.T) {
	const want = AccessCode("0123456789ABCB")
	for _, in := range []string{
		"0123456789ABCB", "0123-4567-89AB-CB", " 0123 4567 89ab cb\r\n", "o123-4567-89ab-cb", "OI23456789ABCB",
		"0l23-4567-89AB-CB", "IVF26-0123-4567-89AB-CB", "ivf 260123456789abcb", "UL-0123-4567-89AB-CB", "CLINICS8 0123456789ABCB", "0123\u20134567\u201489AB\u2011CB", "0-1-2-3-4-5-6-7-8-9-a-b-c-b",
	} {
		if got, err := ParseAccessCode(in); got != want || err != nil {
			t.Errorf("%q: got %q, %v", in, string(got), err)
		}
	}
	for _, in := range []string{
		"", "0123456789ABC", "0123456789ABCBT", "0123456789ABCU", "0123456789ABC!", "U123456789ABCB",
		"0123456789ABC\u0660", "X-0123-4567-89AB-CB", "TOOLONG99-0123-4567-89AB-CB", "A!-0123-4567-89AB-CB", strings.Repeat("-", 65), strings.Repeat("0", 1<<16), "\xff\xfe",
	} {
		_, err := ParseAccessCode(in)
		isProblem(t, err, ErrInvalid, "code")
	}
}

// TestAccessCodeCheck tries every change of one symbol and every exchange of two on many codes.
func TestAccessCodeCheck(t *testing.T) {
	for range 50 {
		code, err := NewAccessCode(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		for i := range codeLength {
			for _, c := range []byte(crockford) {
				wrong := []byte(code)
				wrong[i] = c
				if _, err := ParseAccessCode(string(wrong)); (err == nil) != (c == code[i]) {
					t.Fatalf("%s with %c at %d: %v", code, c, i, err)
				}
			}
			for j := range i {
				wrong := []byte(code)
				wrong[i], wrong[j] = wrong[j], wrong[i]
				if _, err := ParseAccessCode(string(wrong)); (err == nil) != (code[i] == code[j]) {
					t.Fatalf("%s with %d and %d exchanged: %v", code, i, j, err)
				}
			}
		}
	}
}

// FuzzParseAccessCode: what is accepted reads the same when it is printed and typed again.
func FuzzParseAccessCode(f *testing.F) {
	for _, seed := range []string{"0123-4567-89AB-CB", "o123 4567 89ab cb", "", "----", "ıſK"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		code, err := ParseAccessCode(in)
		if err != nil {
			return
		}
		if again, err := ParseAccessCode(strings.ToLower(code.String())); again != code || err != nil {
			t.Errorf("%q became %q and then %q, %v", in, code, again, err)
		}
	})
}
