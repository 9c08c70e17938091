package lms

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// crockford is Crockford's base 32 alphabet: no I, L, O, so that nobody has to guess, and no U.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

const (
	codeRandom = 13             // symbols of 5 bits: 65 bits, above the 60 that make guessing hopeless
	codeLength = codeRandom + 1 // and one check symbol
	codeGroup  = 4              // symbols per group as printed
	codeMax    = 64             // bytes of input looked at, with all the hyphens somebody may add
	brandLeast = 2              // letters and digits that may be printed before a code, to know a batch by
	brandMost  = 8
)

// AccessCode is the code with which somebody registers, in its canonical form: 14 symbols of Crockford's
// alphabet in upper case without hyphens, of which the last one checks the others. It is a secret. The
// database keeps its keyed hash only (Pepper.Hash).
type AccessCode string

// NewAccessCode draws a code from random, which is crypto/rand.Reader outside tests.
func NewAccessCode(random io.Reader) (AccessCode, error) {
	var raw [codeRandom]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", fmt.Errorf("draw access code: %w", err)
	}
	symbols := make([]byte, 0, codeLength)
	for _, b := range raw {
		symbols = append(symbols, b&31) // 256 is a multiple of 32: unbiased
	}
	symbols = append(symbols, checkSymbol(symbols))
	for i, v := range symbols {
		symbols[i] = crockford[v]
	}
	return AccessCode(symbols), nil
}

// ParseAccessCode reads a code as people type it: in any case, with spaces or hyphens anywhere, with O
// for 0 and I or L for 1. A code that passes was typed as it was printed; whether it exists is another
// matter. Every single wrong symbol and every swap of two symbols is refused. The brand that is printed before the
// codes of a batch may be typed or left out: it opens nothing.
func ParseAccessCode(s string) (AccessCode, error) {
	if len(s) > codeMax {
		return "", rejected("code", "code_form")
	}
	symbols := make([]rune, 0, codeLength)
	for _, c := range strings.ToUpper(s) {
		switch c {
		case ' ', '\t', '\n', '\r', '-', '\u2010', '\u2011', '\u2012', '\u2013', '\u2014', '\u2212', '\u00a0', '\u00ad':
			continue // word processors turn hyphens into dashes
		}
		symbols = append(symbols, c)
	}
	if brand := len(symbols) - codeLength; brand > 0 {
		if _, err := ParseBrand(string(symbols[:brand])); err != nil {
			return "", rejected("code", "code_form")
		}
		symbols = symbols[brand:]
	}
	values := make([]byte, 0, codeLength)
	canonical := make([]byte, 0, codeLength)
	for _, c := range symbols {
		switch c {
		case 'O':
			c = '0'
		case 'I', 'L':
			c = '1'
		}
		v := strings.IndexRune(crockford, c)
		if v < 0 {
			return "", rejected("code", "code_form")
		}
		values = append(values, byte(v))
		canonical = append(canonical, byte(c))
	}
	if len(values) != codeLength || checkSymbol(values[:codeRandom]) != values[codeRandom] {
		return "", rejected("code", "code_form")
	}
	return AccessCode(canonical), nil
}

// ParseBrand reads what is printed before the codes of a batch: 2 to 8 letters A to Z and digits, or nothing.
func ParseBrand(s string) (string, error) {
	s = strings.ToUpper(strings.TrimSpace(s))
	if s == "" {
		return "", nil
	}
	if len(s) < brandLeast || len(s) > brandMost || strings.ContainsFunc(s, func(c rune) bool { return (c < 'A' || c > 'Z') && (c < '0' || c > '9') }) {
		return "", invalid("brand", "Choose 2 to 8 letters A to Z and digits to print before the codes, or nothing.")
	}
	return s, nil
}

// checkSymbol returns c[0]*a^13 + c[1]*a^12 + ... + c[12]*a in GF(32), where a generates the field. With
// the check symbol at a^0 the whole code sums to zero. The powers of a repeat after 31, so that within 14
// symbols one changed symbol, or two exchanged ones, always change the sum. Crockford's own check works
// modulo 37 and needs five characters that are no letters.
func checkSymbol(values []byte) byte {
	var sum byte
	for _, v := range values {
		sum = double(sum ^ v)
	}
	return sum
}

// double multiplies by a in GF(32) with the primitive polynomial x^5 + x^2 + 1.
func double(v byte) byte {
	v <<= 1
	if v&32 != 0 {
		v ^= 0x25
	}
	return v
}

// String returns the code as it is printed: XXXX-XXXX-XXXX-XX.
func (c AccessCode) String() string {
	var b strings.Builder
	for i := 0; i < len(c); i += codeGroup {
		if i > 0 {
			b.WriteByte('-')
		}
		b.WriteString(string(c[i:min(i+codeGroup, len(c))]))
	}
	return b.String()
}

// LogValue keeps codes out of logs.
func (AccessCode) LogValue() slog.Value { return slog.StringValue("[access code]") }
