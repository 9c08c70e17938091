package roster

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"lectern/lms"
)

func TestReadTellsEveryProblemByRowAndColumn(t *testing.T) {
	list, err := Read([]byte(strings.Join([]string{
		"E-Mail;Full name;Country;Mobile;Time zone;Unknown",
		"A.Rao@Hospital.example;Jose\u0301 Rao;in;098765 43210;Asia/Kolkata;x",
		"",
		"not an address;A;Kenya;12;Nowhere/City;x",
		"a.rao@hospital.example;Dr Twice;;;;",
		"'b@hospital.example;\"Dr \"\"Quoted\"\"\";ke;;;",
	}, "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	if list.Rows != 4 || len(list.People) != 2 {
		t.Fatalf("%d rows, people %+v", list.Rows, list.People)
	}
	want := Person{Row: 2, Email: "a.rao@hospital.example", Name: "Jos\u00e9 Rao", Country: "IN", Phone: "+919876543210", Zone: "Asia/Kolkata"}
	if list.People[0] != want {
		t.Errorf("%+v, want %+v", list.People[0], want)
	}
	if p := list.People[1]; p.Row != 6 || p.Email != "b@hospital.example" || p.Name != `Dr "Quoted"` || p.Country != "KE" {
		t.Errorf("%+v", p)
	}
	var told []string
	for _, p := range list.Problems {
		if p.Message == "" && p.Code == "" {
			t.Errorf("row %d %s says nothing", p.Row, p.Column)
		}
		told = append(told, string(rune('0'+p.Row))+p.Column)
	}
	if got := strings.Join(told, " "); got != "4email 4country 4name 4phone 4zone 5email" {
		t.Errorf("told %s", got)
	}
}

func TestReadXLSX(t *testing.T) {
	book := excelize.NewFile()
	defer book.Close()
	for cell, text := range map[string]any{
		"A1": "name", "B1": "email", "C1": "phone", "D1": "country", "A2": "डॉ. आशा राव", "B2": "Asha@Hospital.example", "C2": 919876543210, "D2": "IN",
		"A3": "Dr Bad", "B3": "=1+1",
	} {
		if err := book.SetCellValue("Sheet1", cell, text); err != nil {
			t.Fatal(err)
		}
	}
	var file bytes.Buffer
	if err := book.Write(&file); err != nil {
		t.Fatal(err)
	}
	list, err := Read(file.Bytes())
	if err != nil || len(list.People) != 1 || list.People[0].Name != "डॉ. आशा राव" || list.People[0].Email != "asha@hospital.example" || list.People[0].Phone != "+919876543210" {
		t.Fatalf("%+v, %v", list, err)
	}
	if len(list.Problems) != 1 || list.Problems[0].Row != 3 || list.Problems[0].Column != "email" {
		t.Errorf("problems %+v", list.Problems)
	}
}

func TestReadRefusesWhatIsNoList(t *testing.T) {
	for name, file := range map[string]string{
		"empty": "", "no email": "name,country\nA,IN\n", "latin-1": "email,name\na@b.example,Jos\xe9\n", "two": "email,e-mail\n",
		"broken XLSX": "PK\x03\x04nothing", "too many": "email\n" + strings.Repeat("a@b.example\n", MaxRows+1),
	} {
		if _, err := Read([]byte(file)); !errors.Is(err, lms.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	list, err := Read([]byte("email\n" + strings.Repeat("x\n", maxProblems+5)))
	if err != nil || len(list.Problems) != maxProblems || list.More != 5 {
		t.Errorf("%d problems and %d more, %v", len(list.Problems), list.More, err)
	}
}

// FuzzRead: no file does harm, and what is taken can be taken.
func FuzzRead(f *testing.F) {
	f.Add([]byte("email,name\na@b.example,A B\n"))
	f.Add([]byte("PK\x03\x04"))
	f.Add([]byte("email;phone\n\"a@b.example\";+919876543210\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		list, err := Read(file)
		if err != nil && !errors.Is(err, lms.ErrInvalid) {
			t.Errorf("%v", err)
		}
		for _, p := range list.People {
			if _, err := lms.ParseEmail(p.Email.String()); err != nil {
				t.Errorf("took %q", p.Email)
			}
		}
	})
}
