package loadtest

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"lectern/signaling/protocol"
)

// Desk is a moderator at work from outside.
type Desk struct {
	Base, Course, Moderator string

	client   http.Client
	prepared []protocol.Question
}

// Prepare has questions asked and approved, one by each of some attendees, so that events can be made of them.
func (d *Desk) Prepare(ctx context.Context, askers []string) error {
	for i, asker := range askers {
		var q protocol.Question
		path := "/api/courses/" + d.Course + "/questions"
		if err := call(ctx, &d.client, d.Base, asker, http.MethodPost, path, map[string]any{"text": fmt.Sprintf("What comes next, %d?", i)}, &q); err != nil {
			return err
		}
		if err := d.act(ctx, &q, "approve", nil); err != nil {
			return err
		}
		d.prepared = append(d.prepared, q)
	}
	return nil
}

// Event changes a question that everybody sees, and says so in its text.
func (d *Desk) Event(ctx context.Context, number int) error {
	q := &d.prepared[number%len(d.prepared)]
	return d.act(ctx, q, "edit", map[string]any{"text": Mark(number, time.Now())})
}

func (d *Desk) act(ctx context.Context, q *protocol.Question, action string, more map[string]any) error {
	body := map[string]any{"version": q.Version}
	for k, v := range more {
		body[k] = v
	}
	return call(ctx, &d.client, d.Base, d.Moderator, http.MethodPost, "/api/courses/"+d.Course+"/questions/"+q.ID+"/"+action, body, q)
}
