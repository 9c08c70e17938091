package lms

import (
	"slices"
	"strings"
	"testing"
)

func TestParseMaterialName(t *testing.T) {
	for in, want := range map[string]string{
		"slides.pdf": "slides.pdf", `C:\Users\a\व्याख्यान 1.pptx`: "व्याख्यान 1.pptx", "../../etc/محاضرة.pdf": "محاضرة.pdf", "a\tb.pdf": "a b.pdf",
	} {
		if got, err := ParseMaterialName(in); got != want || err != nil {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, bad := range []string{"", "/", "a\x00b", "x\u202efdp.exe", strings.Repeat("a", 201)} {
		_, err := ParseMaterialName(bad)
		isProblem(t, err, ErrInvalid, "name")
	}
}

func TestParseSearch(t *testing.T) {
	for in, want := range map[string][]string{
		"": nil, "  ,;': &|!() ": nil, "Ovarian  RESERVE": {"ovarian", "reserve"}, "Fécondation’s": {"fecondation", "s"},
		"गर्भाशय की परत": {"गर्भाशय", "की", "परत"}, "المُحاضَرة الأولى": {"المحاضره", "الاولي"}, "Größe": {"grosse"}, "Nguyễn": {"nguyen"},
		"e\u0301toile": {"etoile"}, "1 2 3 4 5 6 7 8 9": {"1", "2", "3", "4", "5", "6", "7", "8"}, "a\xffb": {"ab"},
	} {
		if got := ParseSearch(in); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
