package web

import (
	"cmp"
	"net/http"
	"net/netip"
	"strings"

	"lectern/lms"
	"lectern/storage/postgres"
)

// devicesPage lists where somebody is signed in.
type devicesPage struct {
	frame
	Devices []deviceRow
	Others  bool // there are other devices than this one
	Done    bool
}

type deviceRow struct {
	ID, Name, Since, Used, Country string
	This                           bool
}

func getDevices(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	devices, err := s.db.Devices(r.Context(), c.actor)
	if err != nil {
		return err
	}
	say := s.words(r)
	page := devicesPage{
		frame:  frame{Title: "devices.title", Person: cmp.Or(c.actor.Name, c.actor.Email.String())},
		Others: len(devices) > 1, Done: r.URL.Query().Has("done"),
	}
	for _, d := range devices {
		page.Devices = append(page.Devices, s.deviceRow(say, c.actor, d))
	}
	return s.pages.write(w, say, http.StatusOK, "devices", page)
}

func (s *Server) deviceRow(say *words, actor lms.Actor, d postgres.Device) deviceRow {
	now := s.now()
	at := func(w when) string {
		return say.t("time.at", "day", w.Own.OnDay, "clock", w.Own.Clock, "zone", w.Own.Zone)
	}
	row := deviceRow{ID: d.ID, Name: browserName(d.Browser), This: d.ID == actor.Session}
	zone := cmp.Or(actor.Zone, lms.Zone("UTC"))
	row.Since, row.Used = at(newWhen(say, d.SignedIn, zone, zone, now)), at(newWhen(say, d.LastUsed, zone, zone, now))
	for _, known := range s.choices.countries {
		if known.Code == string(d.Country) {
			row.Country = known.Name
		}
	}
	return row
}

// postDevices signs one device out, or all others.
func postDevices(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	if err := readForm(r); err != nil {
		return err
	}
	device := r.PostForm.Get("device")
	if device == c.actor.Session {
		return postSignOut(s, w, r, c)
	}
	if device == "" && !r.PostForm.Has("others") {
		return lms.ErrNotFound
	}
	affected, err := s.db.SignOutDevices(r.Context(), c.actor, device)
	if err != nil {
		return err
	}
	s.signedOutElsewhere(affected)
	http.Redirect(w, r, "/devices?done", http.StatusSeeOther)
	return nil
}

// browserName makes "Chrome, Android" of what a browser calls itself, or returns "" for what it does not know. The order of the
// names counts: most browsers claim to be others as well.
func browserName(agent string) string {
	name := ""
	for _, known := range [...][2]string{
		{"Edg", "Edge"},
		{"OPR/", "Opera"},
		{"SamsungBrowser", "Samsung Internet"},
		{"Firefox/", "Firefox"},
		{"FxiOS", "Firefox"},
		{"CriOS", "Chrome"},
		{"Chrome/", "Chrome"},
		{"Safari/", "Safari"},
	} {
		if strings.Contains(agent, known[0]) {
			name = known[1]
			break
		}
	}
	for _, known := range [...][2]string{
		{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"}, {"Macintosh", "Mac"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"},
	} {
		if strings.Contains(agent, known[0]) {
			if name == "" {
				return known[1]
			}
			return name + ", " + known[1]
		}
	}
	return name
}

// remoteCountry is where a request comes from, as a proxy of ours says, or "".
func remoteCountry(r *http.Request, proxies []netip.Prefix) lms.Country {
	if !inAny(parseAddr(r.RemoteAddr), proxies) {
		return ""
	}
	country, err := lms.ParseCountry(cmp.Or(r.Header.Get("CloudFront-Viewer-Country"), r.Header.Get("CF-IPCountry")))
	if err != nil {
		return ""
	}
	return country
}
