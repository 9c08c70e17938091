package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"text/tabwriter"
	"time"

	"lectern/lms"
	"lectern/storage/postgres"
)

// demo creates a demo programme and prints its links, as text or as one JSON object.
func demo(ctx context.Context, args []string, t terminal) error {
	var asJSON bool
	c, err := configure("demo", args, t, func(fs *flag.FlagSet, _ *config) {
		fs.BoolVar(&asJSON, "json", false, "print one JSON object")
	})
	if err != nil {
		return err
	}
	return withDatabase(ctx, c, quiet(t), func(db *postgres.DB) error {
		d, err := db.Demo(ctx, postgres.DemoSpec{})
		if err != nil {
			return err
		}
		links := newDemoLinks(c.URL, d)
		if asJSON {
			return json.NewEncoder(t.out).Encode(links)
		}
		return links.print(t.out)
	})
}

// demoLinks is what `lectern demo -json` prints. Each URL belongs to the browser that opens it first; the codes are unused.
type demoLinks struct {
	Admin   string   `json:"admin"`
	Studio  string   `json:"studio"`
	Console string   `json:"console"`
	Attend  string   `json:"attend"`
	Codes   []string `json:"codes"`
	Course  string   `json:"course"` // id of the first course

	// More attendees than one, for a room that looks like one.
	Attendees []string `json:"attendees"`
}

func newDemoLinks(site string, d postgres.Demo) demoLinks {
	join := func(token string) string { return site + "/join/" + token }
	l := demoLinks{Admin: join(d.Admin), Studio: join(d.Studio), Console: join(d.Console), Course: string(d.Course)}
	for _, token := range d.Attend {
		l.Attendees = append(l.Attendees, join(token))
	}
	l.Attend = l.Attendees[0]
	for _, code := range d.Codes {
		l.Codes = append(l.Codes, code.String())
	}
	return l
}

func (l demoLinks) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "\nA demo programme is ready. Each link belongs to the browser that opens it first.\n\n")
	for _, row := range [][2]string{{"Presenter", l.Studio}, {"Attendee", l.Attend}, {"Moderator", l.Console}, {"Admin", l.Admin}} {
		fmt.Fprintf(w, "  %s\t%s\n", row[0], row[1])
	}
	fmt.Fprintf(w, "\nAccess codes for %s/sign-in: %s\n\n", siteOf(l.Admin), strings.Join(l.Codes[:min(3, len(l.Codes))], "  "))
	return w.Flush()
}

func siteOf(link string) string {
	site, _, _ := strings.Cut(link, "/join/")
	return site
}

// token prints a bearer token for WHIP, WHEP and HLS.
func token(ctx context.Context, args []string, t terminal) error {
	var course, role string
	var life time.Duration
	c, err := configure("token", args, t, func(fs *flag.FlagSet, _ *config) {
		fs.StringVar(&course, "course", "", "id of the course")
		fs.StringVar(&role, "role", "", "presenter (WHIP), captioner (live captions) or attendee (WHEP and HLS)")
		fs.DurationVar(&life, "ttl", 24*time.Hour, "how long the token is good for, at most 720h")
	})
	if err != nil {
		return err
	}
	id, err := lms.ParseID[lms.CourseID](course)
	if err != nil {
		return fmt.Errorf("-course %q: want the id of a course, as in the address of its pages", course)
	}
	return withDatabase(ctx, c, quiet(t), func(db *postgres.DB) error {
		bearer, err := db.IssueToken(ctx, id, lms.Role(role), life)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(t.out, bearer)
		return err
	})
}

// migrate brings the schema up to date and stops, for deployments that do it before they start the nodes.
func migrate(ctx context.Context, args []string, t terminal) error {
	c, err := configure("migrate", args, t, nil)
	if err != nil {
		return err
	}
	return withDatabase(ctx, c, quiet(t), func(db *postgres.DB) error { return db.Migrate(ctx) })
}

// greet says where the server is, and on a new data folder shows the demo around.
func greet(ctx context.Context, c config, s *state, out io.Writer) error {
	fmt.Fprintf(out, "Lectern is ready at %s (Ctrl-C stops it; health at http://%s/readyz)\n", c.URL, c.AdminAddr)
	if c.Mailbox == "on" {
		fmt.Fprintf(out, "One-time codes arrive at %s/mailbox\n", c.URL)
	}
	switch {
	case !c.Demo:
		return nil
	case !s.fresh:
		_, err := fmt.Fprintf(out, "The data of before is in %s. New links: bin/lectern demo\n", c.Data)
		return err
	}
	d, err := s.db.Demo(ctx, postgres.DemoSpec{})
	if err != nil {
		return err
	}
	return newDemoLinks(c.URL, d).print(out)
}

// quiet is the log of commands whose output is their result: warnings and errors only.
func quiet(t terminal) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
}
