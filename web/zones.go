package web

import (
	"bufio"
	"bytes"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"lectern/lms"
)

// country is one row of the select: ISO 3166-1 alpha-2 code and name.
type country struct{ Code, Name string }

// countriesIn are the countries in a language, in the order of its alphabet. Those whose name we do not know in it keep
// their English one.
func (c *choices) countriesIn(say *words) []country { return c.named[say.tag] }

// nameCountries names the countries in a language (CLDR).
func nameCountries(english []country, tag language.Tag) []country {
	names := display.Regions(tag)
	all := slices.Clone(english)
	if names == nil || tag == language.English {
		return all
	}
	for i, c := range all {
		if region, err := language.ParseRegion(c.Code); err == nil && names.Name(region) != "" {
			all[i].Name = names.Name(region)
		}
	}
	order := collate.New(tag)
	slices.SortStableFunc(all, func(a, b country) int { return order.CompareString(a.Name, b.Name) })
	return all
}

// zoneRegions are the parts of the world of the time zone database.
var zoneRegions = map[string]string{
	"Africa": "zone.africa", "America": "zone.america", "Antarctica": "zone.antarctica", "Arctic": "zone.arctic", "Asia": "zone.asia",
	"Atlantic": "zone.atlantic", "Australia": "zone.australia", "Europe": "zone.europe", "Indian": "zone.indian", "Pacific": "zone.pacific",
}

// region names a part of the world.
func (say *words) region(name string) string {
	if key := zoneRegions[name]; key != "" {
		return say.t(key)
	}
	return say.t("welcome.zone_other")
}

// zoneRegion is a group of the select of time zones.
type zoneRegion struct {
	Region string
	Zones  []zoneOption
}

type zoneOption struct{ Name, Label string }

// choices are the countries and time zones that people choose from. The tables are those of the time zone
// database (iso3166.tab and zone.tab, public domain), kept beside the pages.
type choices struct {
	countries []country
	named     map[string][]country // by the tag of a language
	zones     []lms.Zone
}

func newChoices(spoken *languages) (*choices, error) {
	c := &choices{named: map[string][]country{}}
	err := eachRow("pages/countries.tab", func(fields []string) {
		c.countries = append(c.countries, country{fields[0], fields[1]})
	})
	if err != nil {
		return nil, err
	}
	sort.Slice(c.countries, func(i, k int) bool { return c.countries[i].Name < c.countries[k].Name })
	for _, say := range spoken.all {
		c.named[say.tag] = nameCountries(c.countries, language.Make(say.tag))
	}
	err = eachRow("pages/zones.tab", func(fields []string) {
		if zone, err := lms.ParseZone(fields[2]); err == nil {
			c.zones = append(c.zones, zone)
		}
	})
	c.zones = append(c.zones, "UTC")
	sort.Slice(c.zones, func(i, k int) bool { return c.zones[i] < c.zones[k] })
	return c, err
}

// eachRow reads a table of tab-separated fields whose comments begin with #.
func eachRow(name string, row func(fields []string)) error {
	table, err := pageFiles.ReadFile(name)
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	lines := bufio.NewScanner(bytes.NewReader(table))
	for lines.Scan() {
		if line := lines.Text(); line != "" && !strings.HasPrefix(line, "#") {
			row(append(strings.Split(line, "\t"), "", ""))
		}
	}
	return lines.Err()
}

// regions lists the zones for a select at a moment, because the label shows the offset then. A zone that is
// chosen but not in the list, such as an old name, is added so that saving the form does not change it.
func (c *choices) regions(say *words, chosen lms.Zone, now time.Time) []zoneRegion {
	var all []zoneRegion
	known := false
	add := func(zone lms.Zone) {
		region, _, found := strings.Cut(string(zone), "/")
		if !found {
			region = "other"
		}
		region = say.region(region)
		if len(all) == 0 || all[len(all)-1].Region != region {
			all = append(all, zoneRegion{Region: region})
		}
		last := &all[len(all)-1]
		last.Zones = append(last.Zones, zoneOption{string(zone), zoneName(zone, now)})
	}
	for _, zone := range c.zones {
		known = known || zone == chosen
		add(zone)
	}
	if !known && chosen != "" {
		add(chosen)
	}
	return all
}

// zoneName says a zone as people do, "Nairobi (EAT)", with the abbreviation in force at the moment. Where the
// database has none, the offset stands for it: "Dubai (UTC+4)".
func zoneName(zone lms.Zone, at time.Time) string {
	place := string(zone)
	if i := strings.LastIndexByte(place, '/'); i >= 0 {
		place = place[i+1:]
	}
	place = strings.ReplaceAll(place, "_", " ")
	local := zone.In(at)
	short := local.Format("MST")
	if strings.HasPrefix(short, "+") || strings.HasPrefix(short, "-") {
		short = offset(local)
	}
	if short == place {
		return place
	}
	return place + " (" + short + ")"
}

// offset is the distance from UTC, "UTC+5:30".
func offset(local time.Time) string {
	_, seconds := local.Zone()
	sign := "+"
	if seconds < 0 {
		sign, seconds = "-", -seconds
	}
	text := fmt.Sprintf("UTC%s%d", sign, seconds/3600)
	if minutes := seconds % 3600 / 60; minutes != 0 {
		text += fmt.Sprintf(":%02d", minutes)
	}
	return text
}

// moment is a time as a reader reads it: never without its zone.
type moment struct {
	Clock, Day, Zone string
	OnDay            string // the day within a sentence: "today", but "on Sat 12 Dec"
}

// when shows when something is: in the reader's own time first, then in event time where that is another zone.
type when struct {
	UTC   string // RFC 3339, for the datetime attribute
	Own   moment
	Event *moment
	Alone bool // Own is event time: the reader's zone is not known
}

// newWhen shows an instant to a reader in the zone own at the moment now. A reader without a zone gets event
// time only.
func newWhen(say *words, at time.Time, own, event lms.Zone, now time.Time) when {
	alone := own == ""
	if alone {
		own = event
	}
	w := when{Alone: alone, UTC: at.UTC().Format(time.RFC3339), Own: newMoment(say, at, own, now)}
	if own != event {
		there := newMoment(say, at, event, now)
		if own.In(at).YearDay() == event.In(at).YearDay() {
			there.Day = ""
		} else {
			there.Day = say.dates.Day(event.In(at))
		}
		w.Event = &there
	}
	return w
}

func newMoment(say *words, at time.Time, zone lms.Zone, now time.Time) moment {
	m := moment{Clock: zone.In(at).Format("15:04"), Zone: zoneName(zone, at)}
	m.Day, m.OnDay = day(say, zone.In(at), zone.In(now))
	return m
}

// day names the date of at as somebody says it on the date of now, both in one zone: by itself and within a
// sentence.
func day(say *words, at, now time.Time) (alone, within string) {
	midnight := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC) }
	switch days := int(midnight(at).Sub(midnight(now)).Hours() / 24); {
	case days == 0:
		alone = say.t("time.today")
	case days == 1:
		alone = say.t("time.tomorrow")
	case days == -1:
		alone = say.t("time.yesterday")
	default:
		alone = date(say, at, now)
		return alone, say.t("time.on", "day", alone)
	}
	return alone, alone
}

// date leaves out the year when it is that of now.
func date(say *words, at, now time.Time) string {
	if at.Year() != now.Year() {
		return say.dates.DayOfYear(at)
	}
	return say.dates.Day(at)
}

// until says how long it is until at, for less than a day: "in 42 min". Further off or past it is "".
func until(say *words, at, now time.Time) string {
	left := at.Sub(now)
	switch minutes := int(left.Minutes()); {
	case left < 0 || left >= 24*time.Hour:
		return ""
	case minutes < 1:
		return say.t("time.now")
	case minutes < 100:
		return say.t("time.minutes", "count", minutes)
	default:
		return say.t("time.hours", "count", int(left.Round(time.Hour).Hours()))
	}
}
