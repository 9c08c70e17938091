// Package phone reads telephone numbers as people write them.
package phone

import (
	"strings"

	"github.com/nyaruka/phonenumbers"

	"lectern/lms"
)

// Parse returns a number in E.164 form, +919876543210. One without + or 00 is of the country. An empty text is no number.
// Numbers that cannot exist there are refused: lms.ErrInvalid.
func Parse(text string, country lms.Country) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return "", nil
	}
	if rest, ok := strings.CutPrefix(text, "00"); ok {
		text = "+" + rest
	}
	number, err := phonenumbers.Parse(text, string(country))
	if err != nil || len(text) > 40 || !phonenumbers.IsValidNumber(number) {
		return "", lms.BadPhone()
	}
	return phonenumbers.Format(number, phonenumbers.E164), nil
}
