package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"lectern/lms"
	"lectern/storage/postgres"
)

// handler answers one route. What it returns is turned into an answer by the table of failures.
type handler func(s *Server, w http.ResponseWriter, r *http.Request, c *call) error

// call is what the row of the route has established about a request before its handler runs.
type call struct {
	actor     lms.Actor           // zero on routes for anyone, unless somebody is signed in
	courseID  lms.CourseID        // the {course} in the path
	course    postgres.CourseView // the same as the actor sees it; zero when a bearer token was sent
	programme lms.ProgrammeID     // of the {programme} in the path

	organisation lms.OrganisationID // of the {organisation} in the path
	renew        bool               // the session is to get a new secret

	token *postgres.Identity // on media routes, when a bearer token was sent instead of a session
	edge  bool               // sent on by the CDN, which has asked the viewer itself
}

// signedIn reports whether the request belongs to a person.
func (c *call) signedIn() bool { return c.actor.Person != "" }

// acting is the caller as the rules see one: the person who is signed in, or the role of the bearer token.
func (c *call) acting() lms.Actor {
	if c.token != nil {
		return c.token.Actor()
	}
	return c.actor
}

// scope is where the {course} of the path lies.
func (c *call) scope() lms.Scope {
	return lms.Scope{Programme: c.course.Programme.ID, Course: c.courseID}
}

// access says who may call a route. The scope of a permission is the {course} or {programme} of the path;
// without one it is the whole installation.
type access struct {
	session    bool           // somebody must be signed in
	bearer     bool           // or hold a bearer token for the course
	permission lms.Permission // and be allowed this
	remember   bool           // a yes is good for grantLife; the call then names the course but not the caller
	closed     bool           // also while the course is not open to its audience, or cancelled
	edge       bool           // only the CDN may call this, which others do not learn is there
	runs       bool           // one must run the {organisation} of the path
}

// The kinds of access in the table of routes.
var (
	anyone   = access{}
	signedIn = access{session: true}
	byEdge   = access{edge: true}
	runs     = access{session: true, runs: true}
)

// may asks for a session of somebody with the permission.
func may(p lms.Permission) access { return access{session: true, permission: p} }

// mayKnow is may for what tells of a course while its audience is not let in.
func mayKnow(p lms.Permission) access { return access{session: true, permission: p, closed: true} }

// mayByToken asks for such a session or a bearer token whose role has the permission.
func mayByToken(p lms.Permission) access { return access{session: true, bearer: true, permission: p} }

// mayFetch is mayByToken for files that are asked for every few seconds.
func mayFetch(p lms.Permission) access {
	return access{session: true, bearer: true, permission: p, remember: true}
}

// placed is scope for whoever calls: of a bearer token it is the token's.
func (c *call) placed() lms.Scope {
	if c.token != nil {
		return lms.Scope{Programme: c.token.Programme, Course: c.courseID}
	}
	return c.scope()
}

// serve puts a route's row in front of its handler: rate, size, origin, session, scope, permission.
func (s *Server) serve(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := s.admit(w, r, rt)
		if c != nil {
			r = withLanguage(r, c.actor)
		}
		if err == nil {
			ctx := s.db.WithOrigin(r.Context(), requestID(r.Context()), clientAddr(r, s.proxies))
			ctx = rt.access.behindWall(ctx, c)
			r = r.WithContext(postgres.WithCountry(ctx, remoteCountry(r, s.proxies)))
			err = s.renewSession(w, r, c)
		}
		if err == nil {
			err = rt.handle(s, w, r, c)
		}
		if err != nil {
			s.fail(w, r, err)
		}
	})
}

// admit checks a request against the row of its route. Guesses are counted by network before anything is
// looked up; signed-in people count each for themselves, because many of them share a hospital's address.
//
// With an error the call is nil, or tells who was turned away.
func (s *Server) admit(w http.ResponseWriter, r *http.Request, rt route) (*call, error) {
	if (rt.access.edge || rt.access.remember) && s.fromEdge(r) {
		hurry(w, rt)
		r.Body = http.MaxBytesReader(w, r.Body, rt.body)
		return s.welcomeEdge(w, r)
	}
	// A bearer token is never sent by a browser on its own, so there is nothing to forge.
	if !rt.access.bearer || bearerToken(r) == "" {
		if err := s.sameOrigin(r); err != nil {
			return nil, err
		}
	}
	if rt.access.edge {
		return nil, errNoPage
	}
	from := network(clientAddr(r, s.proxies)).String()
	if !rt.rate.byPerson() {
		if err := s.limit(rt.rate, from); err != nil {
			return nil, err
		}
	}
	hurry(w, rt)
	r.Body = http.MaxBytesReader(w, r.Body, rt.body)
	key := s.grantKey(r)
	if rt.access.remember && s.grants.has(key) {
		return &call{courseID: key.course}, nil
	}
	c := &call{}
	if err := s.identify(r, rt.access, c); err != nil {
		if slow := s.limit(ratePage, from); slow != nil {
			return nil, slow
		}
		return nil, err
	}
	if rt.rate.byPerson() {
		if err := s.limit(rt.rate.of(c), c.who(from)); err != nil {
			return nil, err
		}
	}
	s.believe(r, c)
	if err := s.authorise(r.WithContext(rt.access.behindWall(r.Context(), c)), rt.access, c); err != nil {
		return c, err // who it is decides in which language it is told
	}
	if rt.access.remember {
		s.grants.add(key)
	}
	return c, nil
}

// behindWall returns the context in which a request's transactions see what its caller has a part in and nothing else. Rows for
// anyone act for nobody yet: they sign in.
func (need access) behindWall(ctx context.Context, c *call) context.Context {
	switch {
	case c.token != nil:
		return postgres.ActingFor(ctx, "", c.token.Course)
	case need.session && c.signedIn():
		return postgres.ActingFor(ctx, c.actor.Person, "")
	}
	return ctx
}

// grantKey is what a yes to this request is remembered under.
func (s *Server) grantKey(r *http.Request) grantKey {
	secret := bearerToken(r)
	if secret == "" {
		secret = s.sessionToken(r)
	}
	return newGrantKey(secret, lms.CourseID(r.PathValue("course")))
}

// How long a client may take to send a body, to read an answer, and to read a segment on a slow line
// (trust S-30). The connection's other waits are bounded in cmd.
const (
	bodyWithin    = 20 * time.Second
	answerWithin  = time.Minute
	segmentWithin = 3 * time.Minute
)

// hurry sets the deadlines of the request. A ResponseWriter without a connection has none to set.
func hurry(w http.ResponseWriter, rt route) {
	connection := http.NewResponseController(w)
	write := answerWithin
	if rt.rate == rateNone {
		write = segmentWithin
	}
	_ = connection.SetWriteDeadline(time.Now().Add(write))
	if rt.body > 0 {
		_ = connection.SetReadDeadline(time.Now().Add(bodyWithin))
	}
}

// who is the name a call is counted under: the person, the bearer token, or the network it came from.
func (c *call) who(from string) string {
	switch {
	case c.signedIn():
		return string(c.actor.Person)
	case c.token != nil:
		return c.token.ID
	}
	return from
}

// owner is the name of the media sessions that a call opens: the login session or the bearer token, so that they
// end with it and nobody else reaches them.
func (c *call) owner() string {
	if c.token != nil {
		return c.token.ID
	}
	return c.actor.Session
}

func (s *Server) limit(class rateClass, who string) error {
	if wait, ok := s.limits.allow(class, who); !ok {
		return &lms.Problem{Kind: lms.ErrTooMany, Retry: wait}
	}
	return nil
}

// sameOrigin refuses what another site makes a browser send here (trust S-09). Every browser we reach sends
// Origin or Sec-Fetch-Site with an unsafe request, so one that carries our cookie and neither is refused too.
func (s *Server) sameOrigin(r *http.Request) error {
	if err := s.csrf.Check(r); err != nil {
		return errCrossOrigin
	}
	safe := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
	if !safe && s.sessionToken(r) != "" && r.Header.Get("Origin") == "" && r.Header.Get("Sec-Fetch-Site") == "" {
		return errCrossOrigin
	}
	return nil
}

// identify finds out who calls. An unknown session is an error only where one is needed.
func (s *Server) identify(r *http.Request, need access, c *call) error {
	if bearer := bearerToken(r); need.bearer && bearer != "" {
		identity, err := s.db.TokenIdentity(r.Context(), bearer)
		if err != nil {
			return signedOut(err)
		}
		c.token = &identity
		return nil
	}
	token := s.sessionToken(r)
	if token == "" {
		if need.session {
			return errSignedOut
		}
		return nil
	}
	actor, renew, err := s.db.Session(r.Context(), token)
	if err == nil {
		c.actor, c.renew = actor, renew
		return nil
	}
	if err = signedOut(err); need.session || !errors.Is(err, errSignedOut) {
		return err
	}
	return nil
}

// signedOut makes errSignedOut of a session or token that is unknown, ended or revoked.
func signedOut(err error) error {
	if errors.Is(err, lms.ErrNotFound) || errors.Is(err, lms.ErrExpired) || errors.Is(err, lms.ErrInvalid) {
		return errSignedOut
	}
	return err
}

// authorise reads the ids of the path and asks whether the caller may do there what the row demands. The database
// finds only what is the actor's to see, so an id of another programme is not found, like one of nothing.
func (s *Server) authorise(r *http.Request, need access, c *call) error {
	if c.token != nil {
		return c.tokenScope(r, need)
	}
	if need.runs {
		id, err := lms.ParseID[lms.OrganisationID](r.PathValue("organisation"))
		if err != nil {
			return err
		}
		c.organisation = id
		return c.actor.NeedOrganisation(id)
	}
	if need.permission == "" {
		return nil // open to all whatever stands in the path, such as a preflight
	}
	var where lms.Scope // nothing in the path: the whole installation
	if raw := r.PathValue("course"); raw != "" {
		id, err := lms.ParseID[lms.CourseID](raw)
		if err != nil {
			return err
		}
		if c.course, err = s.db.Course(r.Context(), c.actor, id); err != nil {
			return err
		}
		c.courseID = id
		where = c.scope()
		if !need.closed && !c.actor.Works(where) {
			if err := lms.Admit(c.course.Opens, c.course.Closes, c.course.Zone, s.now()); err != nil {
				return err
			}
		}
	}
	if raw := r.PathValue("programme"); raw != "" {
		id, err := lms.ParseID[lms.ProgrammeID](raw)
		if err != nil {
			return err
		}
		c.programme = id
		where = lms.Scope{Programme: id}
	}
	return c.actor.Need(need.permission, where)
}

// tokenScope holds a bearer token to the one course it was issued for. For all other ids the answer is the
// same, whether they exist or not.
func (c *call) tokenScope(r *http.Request, need access) error {
	if r.PathValue("course") != string(c.token.Course) || !c.token.Role.Allows(need.permission) {
		return &lms.Problem{Kind: lms.ErrForbidden, Message: "This token is for another lecture or another role."}
	}
	c.courseID = c.token.Course
	return nil
}
