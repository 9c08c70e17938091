package web

import (
	"html/template"
	"strings"
	"sync"
	"time"

	"lectern/lms"
)

// optionsLife is how long the options of a select are kept: the label of a zone shows the offset in force.
const optionsLife = time.Minute

// selects are the countries and zones as elements of a select. Everybody who registers is shown them all, some 650, so they are
// written once a minute for each language and not for each reader. Safe for concurrent use.
type selects struct {
	choices *choices

	mu   sync.Mutex
	made map[*words]*madeOptions
}

type madeOptions struct {
	at               time.Time
	countries, zones string
}

func newSelects(c *choices) *selects { return &selects{choices: c, made: map[*words]*madeOptions{}} }

// countries are the options for a country, with one chosen.
func (o *selects) country(say *words, chosen string, now time.Time) template.HTML {
	html, _ := choose(o.of(say, now).countries, chosen)
	return html
}

// zone is the same for zones. One that is chosen but not in the list, such as an old name, is added, so that saving a form
// does not change it.
func (o *selects) zone(say *words, chosen lms.Zone, now time.Time) template.HTML {
	html, ok := choose(o.of(say, now).zones, string(chosen))
	if !ok && chosen != "" {
		html += `<option value="` + template.HTML(template.HTMLEscapeString(string(chosen))) + `" selected>` + //nolint:gosec // escaped
			template.HTML(template.HTMLEscapeString(zoneName(chosen, now))) + "</option>\n" //nolint:gosec // escaped
	}
	return html
}

// choose marks one of the options.
func choose(all, chosen string) (template.HTML, bool) {
	value := `value="` + template.HTMLEscapeString(chosen) + `"`
	before, after, ok := strings.Cut(all, value)
	if !ok || chosen == "" {
		return template.HTML(all), false //nolint:gosec // written by of
	}
	return template.HTML(before + value + " selected" + after), true //nolint:gosec // escaped
}

func (o *selects) of(say *words, now time.Time) *madeOptions {
	o.mu.Lock()
	defer o.mu.Unlock()
	if made := o.made[say]; made != nil && now.Sub(made.at) < optionsLife && !now.Before(made.at) {
		return made
	}
	var countries, zones strings.Builder
	for _, c := range o.choices.countriesIn(say) {
		writeOption(&countries, c.Code, c.Name)
	}
	for _, region := range o.choices.regions(say, "", now) {
		zones.WriteString(`<optgroup label="` + template.HTMLEscapeString(region.Region) + "\">\n")
		for _, z := range region.Zones {
			writeOption(&zones, z.Name, z.Label)
		}
		zones.WriteString("</optgroup>\n")
	}
	o.made[say] = &madeOptions{at: now, countries: countries.String(), zones: zones.String()}
	return o.made[say]
}

func writeOption(to *strings.Builder, value, label string) {
	to.WriteString(`<option value="` + template.HTMLEscapeString(value) + `">` + template.HTMLEscapeString(label) + "</option>\n")
}
