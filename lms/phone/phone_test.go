package phone

import (
	"errors"
	"testing"

	"lectern/lms"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		text    string
		country lms.Country
		want    string
	}{
		{"", "IN", ""},
		{"098765 43210", "IN", "+919876543210"},
		{"+91 98765-43210", "", "+919876543210"},
		{"0091 98765 43210", "DE", "+919876543210"},
		{"0712 345678", "KE", "+254712345678"},
		{"(030) 901820", "DE", "+4930901820"},
		{"٠٩١٢٣٤٥٦٧٨", "SD", "+249912345678"},
	} {
		if got, err := Parse(c.text, c.country); got != c.want || err != nil {
			t.Errorf("%q in %s: %q, %v", c.text, c.country, got, err)
		}
	}
	for _, bad := range []string{"12", "+91 12345", "call me", "+999 1234567890", "=1+1", "98765432109876543210987654321098765432109"} {
		if got, err := Parse(bad, "IN"); !errors.Is(err, lms.ErrInvalid) {
			t.Errorf("%q: %q, %v", bad, got, err)
		}
	}
}
