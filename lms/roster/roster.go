// Package roster reads lists of people that organisers keep: CSV, as spreadsheets write it, and XLSX. Every cell that cannot
// be taken is told with its row and column; nothing is guessed.
package roster

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/unicode/norm"

	"lectern/lms"
	"lectern/lms/phone"
)

// Bounds of a list.
const (
	MaxFile     = 8 << 20  // bytes
	maxUnpacked = 64 << 20 // bytes of an XLSX, unpacked
	MaxRows     = 20_000
	maxProblems = 1000 // that are told; the rest is counted
)

// Person is a row that can be taken. What was left empty is "".
type Person struct {
	Row        int // in the file, from 1; the first one has the names of the columns
	Email      lms.Email
	Name       string
	Country    lms.Country
	Phone      string // E.164
	Profession string
	Licence    string
	Zone       lms.Zone
}

// Problem is a cell that cannot be taken, or, without a column, a row or the file.
type Problem struct {
	Row     int    `json:"row"`
	Column  string `json:"column"`
	Message string `json:"message"`
	Code    string `json:"-"` // of the message in the catalogue, when Message is empty
}

// List is what a file holds.
type List struct {
	People   []Person
	Rows     int // that are not empty
	Problems []Problem
	More     int // problems beyond those
}

// columns are the names under which organisers keep things, by what we call them.
var columns = map[string][]string{
	"email":      {"email", "e-mail", "mail", "email address", "e-mail address"},
	"name":       {"name", "full name", "name on certificate", "doctor"},
	"country":    {"country", "country code"},
	"phone":      {"phone", "mobile", "telephone", "phone number", "mobile number"},
	"profession": {"profession", "speciality", "specialty"},
	"licence":    {"licence", "license", "licence number", "license number", "registration number"},
	"zone":       {"zone", "time zone", "timezone"},
}

// Read reads a file. The error is for one that is no list at all, and wraps lms.ErrInvalid.
func Read(file []byte) (List, error) {
	if len(file) > MaxFile {
		return List{}, bad("The file has more than 8 MiB. Split it.")
	}
	rows, err := cells(file)
	if err != nil {
		return List{}, err
	}
	if len(rows) == 0 {
		return List{}, bad("The file is empty. The first row names the columns: email, name, country, phone, profession, licence, zone.")
	}
	at, err := header(rows[0])
	if err != nil {
		return List{}, err
	}
	if len(rows)-1 > MaxRows {
		return List{}, bad("The file has more than 20,000 rows. Split it.")
	}
	r := reader{at: at, seen: map[lms.Email]int{}}
	for i, row := range rows[1:] {
		r.row(i+2, row)
	}
	return r.list, nil
}

func bad(message string) error {
	return &lms.Problem{Kind: lms.ErrInvalid, Field: "file", Message: message}
}

// cells reads either format. XLSX is a ZIP.
func cells(file []byte) ([][]string, error) {
	if bytes.HasPrefix(file, []byte("PK\x03\x04")) {
		book, err := excelize.OpenReader(bytes.NewReader(file), excelize.Options{UnzipSizeLimit: maxUnpacked, UnzipXMLSizeLimit: maxUnpacked, RawCellValue: true})
		if err != nil {
			return nil, bad("This is no XLSX file that can be read. Save it again, or as CSV.")
		}
		defer book.Close()
		rows, err := book.GetRows(book.GetSheetName(0))
		if err != nil {
			return nil, bad("The first sheet cannot be read. Save the file again, or as CSV.")
		}
		return rows, nil
	}
	file = bytes.TrimPrefix(file, []byte("\ufeff"))
	if !utf8.Valid(file) {
		return nil, bad("The file is not in UTF-8. In your spreadsheet choose “CSV UTF-8” when you save it.")
	}
	first, _, _ := bytes.Cut(file, []byte("\n"))
	sheet := csv.NewReader(bytes.NewReader(file))
	sheet.FieldsPerRecord, sheet.LazyQuotes = -1, true
	for _, comma := range ";\t" { // what spreadsheets write where the comma is for decimals
		if bytes.Count(first, []byte(string(comma))) > bytes.Count(first, []byte(string(sheet.Comma))) {
			sheet.Comma = comma
		}
	}
	var rows [][]string
	for {
		row, err := sheet.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			line, _ := sheet.FieldPos(0)
			return nil, bad(fmt.Sprintf("The file cannot be read at line %d. Are its quotes closed?", line))
		}
		// The reader leaves empty lines out; row numbers are those of the file.
		for line, _ := sheet.FieldPos(0); len(rows) < line-1 && !multiline(rows); {
			rows = append(rows, nil)
		}
		rows = append(rows, row)
	}
}

// multiline reports whether a cell so far has several lines, so that lines of the file are rows no longer.
func multiline(rows [][]string) bool {
	return len(rows) > 0 && slices.ContainsFunc(rows[len(rows)-1], func(cell string) bool { return strings.Contains(cell, "\n") })
}

// header finds the columns by their names.
func header(row []string) (map[string]int, error) {
	at := map[string]int{}
	for i, cell := range row {
		name := strings.ToLower(strings.TrimSpace(cell))
		for column, names := range columns {
			if !slices.Contains(names, name) {
				continue
			}
			if _, twice := at[column]; twice {
				return nil, bad(fmt.Sprintf("Two columns are named %q.", column))
			}
			at[column] = i
		}
	}
	if _, ok := at["email"]; !ok {
		return nil, bad("The first row names no column “email”. It names the columns: email, name, country, phone, profession, licence, zone.")
	}
	return at, nil
}

// reader takes rows.
type reader struct {
	at   map[string]int
	seen map[lms.Email]int
	list List
}

// row takes one row, or tells every cell that is wrong in it.
func (r *reader) row(number int, cells []string) {
	get := func(column string) string {
		i, ok := r.at[column]
		if !ok || i >= len(cells) {
			return ""
		}
		return norm.NFC.String(strings.TrimSpace(strings.TrimPrefix(cells[i], "'"))) // ' keeps spreadsheets from reading a formula
	}
	if !slices.ContainsFunc(cells, func(cell string) bool { return strings.TrimSpace(cell) != "" }) {
		return
	}
	r.list.Rows++
	before := len(r.list.Problems) + r.list.More
	p := Person{Row: number}
	var err error
	if p.Email, err = lms.ParseEmail(get("email")); err != nil {
		r.problem(number, "email", err)
	} else if first, twice := r.seen[p.Email]; twice {
		r.problem(number, "email", &lms.Problem{Message: fmt.Sprintf("This address stands in row %d already.", first)})
	} else {
		r.seen[p.Email] = number
	}
	if p.Country, err = lms.ParseCountry(get("country")); err != nil {
		r.problem(number, "country", err)
	}
	if p.Name, err = lms.ParseName(get("name")); err != nil {
		r.problem(number, "name", err)
	}
	if p.Phone, err = phone.Parse(get("phone"), p.Country); err != nil {
		r.problem(number, "phone", err)
	}
	if p.Profession, err = lms.ParseProfession(get("profession")); err != nil {
		r.problem(number, "profession", err)
	}
	if p.Licence, err = lms.ParseLicence(get("licence")); err != nil {
		r.problem(number, "licence", err)
	}
	if zone := get("zone"); zone != "" {
		if p.Zone, err = lms.ParseZone(zone); err != nil {
			r.problem(number, "zone", err)
		}
	}
	if len(r.list.Problems)+r.list.More == before {
		r.list.People = append(r.list.People, p)
	}
}

func (r *reader) problem(row int, column string, err error) {
	if len(r.list.Problems) == maxProblems {
		r.list.More++
		return
	}
	p := Problem{Row: row, Column: column}
	var said *lms.Problem
	if errors.As(err, &said) {
		p.Message, p.Code = said.Message, said.Code
	}
	r.list.Problems = append(r.list.Problems, p)
}
