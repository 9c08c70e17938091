package web

import (
	"context"
	"net/http"
	"strings"

	"lectern/lms"
	"lectern/media/sfu"
	"lectern/signaling"
	"lectern/signaling/protocol"
	"lectern/storage/postgres"
)

// maxCandidates is how many of those connected are looked through for people to ask in, and shownCandidates how many
// are listed.
const (
	maxCandidates   = 2000
	shownCandidates = 30
)

// panelView is who takes part in a lecture, as those on the panel and those who direct it see it.
type panelView struct {
	You    lms.PersonID      `json:"you"`
	People []panelPersonView `json:"people"`
	Seated bool              `json:"seated"` // you publish, in this window or another
}

type panelPersonView struct {
	Person    lms.PersonID           `json:"person"` // "" for a program with a presenter's token
	Name      string                 `json:"name"`
	Role      lms.Role               `json:"role"`
	Connected bool                   `json:"connected"`
	OnStage   bool                   `json:"on_stage"`
	Speaking  bool                   `json:"speaking"`
	Level     float64                `json:"level"` // loudness, 0 to 1
	Muted     bool                   `json:"muted"`
	Asks      bool                   `json:"asks"`
	Policed   bool                   `json:"policed"` // sends far too much, which is dropped
	Sources   map[string]panelSource `json:"sources"`
}

type panelSource struct {
	Sends bool `json:"sends"`
	OnAir bool `json:"on_air"` // or will be as soon as it is sent
}

// sources names what the forwarder counts in bits.
var sources = map[lms.PanelSource]sfu.Sources{
	lms.CameraSource: sfu.CameraSource, lms.MicrophoneSource: sfu.MicrophoneSource, lms.ScreenSource: sfu.ScreenSource,
}

// getPanel lists those who were asked in, and presenters and moderators as long as they are connected.
func getPanel(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	members, err := s.db.Panel(r.Context(), c.actor, c.courseID)
	if err != nil {
		return err
	}
	room := s.sfu.Room(string(c.courseID))
	view := panelView{You: c.actor.Person, People: []panelPersonView{}, Seated: room.Seated(string(c.actor.Person))}
	here := map[lms.PersonID]sfu.Participant{}
	for _, p := range room.Participants() {
		here[lms.PersonID(p.Person)] = p
	}
	if p, ok := here[""]; ok {
		view.People = append(view.People, panelPerson(postgres.PanelMember{Standing: lms.NewStanding("", lms.Presenter)}, p))
	}
	for _, m := range members {
		p, connected := here[m.Person]
		if connected || m.Role == lms.Panellist {
			view.People = append(view.People, panelPerson(m, p))
		}
	}
	return writeJSON(w, http.StatusOK, view)
}

func panelPerson(m postgres.PanelMember, p sfu.Participant) panelPersonView {
	view := panelPersonView{
		Person: m.Person, Name: m.Name, Role: m.Role, Connected: p.Live, OnStage: p.OnStage, Speaking: p.Speaking,
		Level: p.Loudness, Muted: m.Muted, Asks: m.Asks, Policed: p.Policed, Sources: map[string]panelSource{},
	}
	for name, bit := range sources {
		view.Sources[string(name)] = panelSource{Sends: p.Sends&bit != 0, OnAir: m.IsOnAir(name)}
	}
	return view
}

// getPanelCandidates finds attendees to ask in, among those connected now, by a part of their name.
func getPanelCandidates(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	wanted := strings.ToLower(strings.TrimSpace(r.URL.Query().Get("name")))
	list, err := s.db.PanelCandidates(r.Context(), c.actor, c.courseID, s.hub.Attending(string(c.courseID), maxCandidates))
	if err != nil {
		return err
	}
	type candidate struct {
		Person lms.PersonID `json:"person"`
		Name   string       `json:"name"`
	}
	found := []candidate{}
	for _, m := range list {
		if strings.Contains(strings.ToLower(m.Name), wanted) && len(found) < shownCandidates {
			found = append(found, candidate{m.Person, m.Name})
		}
	}
	return writeJSON(w, http.StatusOK, map[string]any{"people": found})
}

// postPanel does something with somebody of the panel, for those who direct it.
func postPanel(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	person, err := lms.ParseID[lms.PersonID](r.PathValue("person"))
	if err != nil {
		return err
	}
	return s.directPanel(w, r, c, person)
}

// postPanelMe is what a person does with themself: leave, take a source off air, ask to be unmuted.
func postPanelMe(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	return s.directPanel(w, r, c, c.actor.Person)
}

func (s *Server) directPanel(w http.ResponseWriter, r *http.Request, c *call, person lms.PersonID) error {
	var body struct {
		Source lms.PanelSource `json:"source"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	m, err := s.db.DirectPanel(r.Context(), c.actor, c.courseID, person, lms.PanelAction(r.PathValue("action")), body.Source)
	if err != nil {
		return err
	}
	s.enforcePanel(c.courseID, m.Standing)
	p := sfu.Participant{}
	for _, one := range s.sfu.Room(string(c.courseID)).Participants() {
		if one.Person == string(person) {
			p = one
		}
	}
	return writeJSON(w, http.StatusOK, panelPerson(m, p))
}

// enforcePanel has the forwarder obey what was committed, and tells the person. Who was put back is out at once.
func (s *Server) enforcePanel(course lms.CourseID, standing lms.Standing) {
	room := s.sfu.Room(string(course))
	room.SetStanding(string(standing.Person), forwarded(standing))
	if standing.Role == lms.Attendee {
		s.sfu.Dismiss(func(session *sfu.Session) bool {
			return session.Room() == string(course) && session.Person() == string(standing.Person)
		})
	}
	s.hub.Publish(string(course), signaling.Person(standing.Person), &protocol.PanelChanged{
		Person: string(standing.Person), Member: standing.Role == lms.Panellist, OnAir: len(standing.OnAir) > 0, Muted: standing.Muted,
	})
	s.PanelChanged(string(course))
}

// forwarded is a standing as the forwarder knows one.
func forwarded(standing lms.Standing) sfu.Standing {
	out := sfu.Standing{OffAir: sfu.AllSources, Muted: standing.Muted}
	for _, source := range standing.OnAir {
		out.OffAir &^= sources[source]
	}
	return out
}

// PanelChanged is for sfu.Config.OnPanel. It never waits; Run tells the panel.
func (s *Server) PanelChanged(room string) {
	s.changedMu.Lock()
	s.panels[lms.CourseID(room)] = true
	s.changedMu.Unlock()
	s.wakeRun()
}

// tellPanel tells those on the panel of a course to look at it again.
func (s *Server) tellPanel(course lms.CourseID) {
	hint := &protocol.PanelChanged{}
	s.hub.Publish(string(course), signaling.Presenters, hint)
	s.hub.Publish(string(course), signaling.Moderators, hint)
	for _, p := range s.sfu.Room(string(course)).Participants() {
		if p.Role == sfu.Panellist && p.Person != "" {
			s.hub.Publish(string(course), signaling.Attendees.Only(lms.PersonID(p.Person)), hint)
		}
	}
}

// seatOf is whose seat the caller takes by publishing, and what of it may be seen and heard.
func (s *Server) seatOf(ctx context.Context, c *call) (sfu.PublishOptions, error) {
	options := sfu.PublishOptions{Owner: c.owner()}
	if c.token != nil {
		return options, nil
	}
	m, err := s.db.PanelStanding(ctx, c.actor, c.courseID)
	if err != nil {
		return options, err
	}
	options.Person = string(c.actor.Person)
	switch {
	case c.actor.Can(lms.Present, c.scope()):
		options.Role = sfu.Presenter
	case m.Role == lms.Moderator:
		options.Role = sfu.Stagehand
	case m.Role == lms.Panellist:
		options.Role = sfu.Panellist
	default:
		return options, &lms.Problem{Kind: lms.ErrForbidden, Message: "You are not on the panel of this lecture any more."}
	}
	standing := forwarded(m.Standing)
	if options.Role == sfu.Presenter && m.Role != lms.Presenter { // an admin who presents
		standing.OffAir = 0
	}
	options.Standing = &standing
	return options, nil
}

// postBackstage lets somebody on the panel hear the others, on air or not.
func postBackstage(s *Server, w http.ResponseWriter, r *http.Request, c *call) error {
	offer, err := readSDP(r, sdpType)
	if err != nil {
		return err
	}
	answer, session, err := s.sfu.Listen(r.Context(), string(c.courseID), offer, sfu.ListenOptions{
		Owner: c.owner(), Person: string(c.actor.Person),
	})
	if err != nil {
		return sessionError(err)
	}
	if _, err := s.seatOf(r.Context(), c); err != nil { // put back in the meantime
		session.Close()
		return err
	}
	s.linkRelay(w, c)
	return created(w, r, session, answer)
}
