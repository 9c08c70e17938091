package lms

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Country is an ISO 3166-1 alpha-2 code in upper case, or "" when not given.
type Country string

// ParseCountry reads two letters, or nothing.
func ParseCountry(s string) (Country, error) {
	s = strings.ToUpper(strings.TrimSpace(s))
	if s == "" {
		return "", nil
	}
	if len(s) != 2 || s[0] < 'A' || s[0] > 'Z' || s[1] < 'A' || s[1] > 'Z' {
		return "", rejected("country", "country")
	}
	return Country(s), nil
}

// Profile is what a person says about themself.
type Profile struct {
	Name    string // as it shall stand on the certificate, in any script
	Country Country
	Zone    Zone
}

// ParseProfile reads a profile as it comes from a form.
func ParseProfile(name, country, zone string) (Profile, error) {
	n, err := parseLine("name", name, 2, 120, "")
	if err != nil {
		return Profile{}, rejected("name", "name")
	}
	c, err := ParseCountry(country)
	if err != nil {
		return Profile{}, err
	}
	z, err := ParseZone(zone)
	if err != nil {
		return Profile{}, err
	}
	return Profile{Name: n, Country: c, Zone: z}, nil
}

// ParseTitle reads the title of a programme or course: one line of 1 to 200 characters.
func ParseTitle(s string) (string, error) {
	return parseLine("title", s, 1, 200, "Enter a title of at most 200 characters.")
}

// ParseLabel reads the label of a batch of codes: one line of 1 to 80 characters.
func ParseLabel(s string) (string, error) {
	return parseLine("label", s, 1, 80, "Enter a label of at most 80 characters.")
}

// ParseSummary reads the description of a course: up to 4000 characters in paragraphs, or nothing.
func ParseSummary(s string) (string, error) {
	return parseText("summary", s, 0, 4000, "Shorten the summary to at most 4000 characters.")
}

// ParseMinutes checks the planned length of a lecture.
func ParseMinutes(minutes int) (int, error) {
	if minutes < 1 || minutes > 24*60 {
		return 0, invalid("minutes", "Enter a length between 1 and 1440 minutes.")
	}
	return minutes, nil
}

// parseLine reads one line of text: white space at the ends goes, inner runs of it become one space.
// Characters that do not print are refused, except the joiners that scripts such as Devanagari and
// Persian need within words. Direction overrides are refused, for they could disguise a name. Composing
// characters (Unicode NFC) is left to the database, as the standard library cannot.
func parseLine(field, s string, shortest, longest int, message string) (string, error) {
	if !utf8.ValidString(s) || len(s) > 8*longest {
		return "", invalid(field, message)
	}
	s = strings.Join(strings.Fields(s), " ")
	for _, c := range s {
		if !unicode.IsPrint(c) && !unicode.Is(unicode.Join_Control, c) {
			return "", invalid(field, message)
		}
	}
	if n := utf8.RuneCountInString(s); n < shortest || n > longest {
		return "", invalid(field, message)
	}
	return s, nil
}

// parseText reads text of several lines: white space goes at the ends of lines and of the whole, and
// more than one empty line in a row becomes one.
func parseText(field, s string, shortest, longest int, message string) (string, error) {
	if !utf8.ValidString(s) || len(s) > 8*longest {
		return "", invalid(field, message)
	}
	var lines []string
	for line := range strings.Lines(strings.ReplaceAll(s, "\r\n", "\n")) {
		line = strings.TrimSpace(line)
		if line == "" && (len(lines) == 0 || lines[len(lines)-1] == "") {
			continue
		}
		for _, c := range line {
			if !unicode.IsPrint(c) && c != '\t' && !unicode.Is(unicode.Join_Control, c) {
				return "", invalid(field, message)
			}
		}
		lines = append(lines, line)
	}
	s = strings.TrimSpace(strings.Join(lines, "\n"))
	if n := utf8.RuneCountInString(s); n < shortest || n > longest {
		return "", invalid(field, message)
	}
	return s, nil
}
