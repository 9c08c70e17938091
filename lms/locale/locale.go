// Package locale writes dates as readers of a language do. The names and their order are those of the Unicode CLDR
// (version 48), which browsers use too, so that a page and a mail name a day alike. Digits are European in all three
// languages, as CLDR has it for Hindi and for Arabic without a country.
package locale

import (
	"fmt"
	"strings"
	"time"
)

// Dates are the words of one language. Weekdays begin with Sunday, months with January.
type Dates struct {
	weekdays, shortWeekdays, months, shortMonths []string
	comma                                        string // behind a weekday, and before a time of day
}

var english = Dates{
	weekdays:      strings.Fields("Sunday Monday Tuesday Wednesday Thursday Friday Saturday"),
	shortWeekdays: strings.Fields("Sun Mon Tue Wed Thu Fri Sat"),
	months:        strings.Fields("January February March April May June July August September October November December"),
	shortMonths:   strings.Fields("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"),
}

var hindi = Dates{
	weekdays:      strings.Fields("रविवार सोमवार मंगलवार बुधवार गुरुवार शुक्रवार शनिवार"),
	shortWeekdays: strings.Fields("रवि सोम मंगल बुध गुरु शुक्र शनि"),
	months:        strings.Fields("जनवरी फ़रवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर अक्टूबर नवंबर दिसंबर"),
	shortMonths:   strings.Fields("जन॰ फ़र॰ मार्च अप्रैल मई जून जुल॰ अग॰ सित॰ अक्टू॰ नव॰ दिस॰"),
	comma:         ",",
}

// Arabic does not shorten the names of days and months.
var arabic = Dates{
	weekdays:      strings.Fields("الأحد الاثنين الثلاثاء الأربعاء الخميس الجمعة السبت"),
	shortWeekdays: strings.Fields("الأحد الاثنين الثلاثاء الأربعاء الخميس الجمعة السبت"),
	months:        strings.Fields("يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر"),
	shortMonths:   strings.Fields("يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر"),
	comma:         "،",
}

// For returns the dates of a language by its tag (BCP 47), English ones for those we do not speak.
func For(tag string) Dates {
	language, _, _ := strings.Cut(tag, "-")
	switch language {
	case "hi":
		return hindi
	case "ar":
		return arabic
	}
	return english
}

// Day is a date without its year: "Mon 2 Jan".
func (d Dates) Day(t time.Time) string {
	return fmt.Sprintf("%s%s %d %s", d.shortWeekdays[t.Weekday()], d.comma, t.Day(), d.shortMonths[t.Month()-1])
}

// DayOfYear is a date with its year: "Mon 2 Jan 2006".
func (d Dates) DayOfYear(t time.Time) string { return fmt.Sprintf("%s %d", d.Day(t), t.Year()) }

// Date is a date without its weekday, in full: "2 January 2006".
func (d Dates) Date(t time.Time) string {
	return fmt.Sprintf("%d %s %d", t.Day(), d.months[t.Month()-1], t.Year())
}

// Long is a date in full: "Monday 2 January 2006".
func (d Dates) Long(t time.Time) string { return d.weekdays[t.Weekday()] + d.comma + " " + d.Date(t) }
